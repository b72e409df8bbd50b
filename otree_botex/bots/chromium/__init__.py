"""Chromium for pages that live by their scripts. Nothing here is imported before such a page comes up."""
