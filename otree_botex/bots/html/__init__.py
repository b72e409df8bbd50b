"""HTML as a participant meets it: what is to be seen, and what can be answered and sent. See page.py, which uses it."""
