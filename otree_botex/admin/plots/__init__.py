"""Plots of a session: how bots answered, alone and beside people, how fast they were, and what each page took."""
