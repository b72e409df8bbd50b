"""The app has no pages of its own for participants (the name of this module is oTree's)."""

page_sequence: list[type] = []
