"""The pre-test report: what bots found out about an experiment, page by page, before people play it.

`gathered` looks everything up, `data` makes plain values of it (with pages, answers, refusals, remarks and attention,
all of them pure), and `views` shows these as a page, as a file of its own, and as tables.
"""
