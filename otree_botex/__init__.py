"""Puts large language models on the seats of oTree experiments.

Imported by the oTree server and by bot processes alike, so nothing is imported here.
"""

__version__ = "0.1.0"
