"""What may differ between two looks at a page that asks the same."""

from __future__ import annotations

import re

# The time that is left, and what stands in the fields.
PASSING = re.compile(r'\d+:\d\d|, now (ticked|"(?:[^"\\]|\\.)*")|(?<=[(\[])[x ](?=[)\]])')


def lasting(text: str) -> str:
    """A page's text without what passes: two looks at the same page have the same."""
    return PASSING.sub("", text)
