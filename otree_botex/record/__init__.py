"""The record: its tables, how it is taken down, and what is read from it.

Imports neither oTree nor any LLM library. The same tables stand in oTree's own database, for bots that were started
from its admin, and in a SQLite file, for those that a script started.
"""
