"""What a bot sees of a page in Chromium: the page as it stands, frames in place, all controls numbered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.async_api import ElementHandle, Error, Frame, Page

from .hands import Impossible

PAGE = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
FRAME_SIZE = 10_000
"""Where the numbers of a frame's controls begin, times the frame's place."""
IS_OPEN = "() => { try { return frameElement !== null; } catch (error) { return false; } }"
"""Whether a frame may be read by the page it is in."""
IS_SHOWN = "frame => frame.checkVisibility({opacityProperty: true, visibilityProperty: true})"
ELEMENT = "number => { const at = __botex.elements.get(number)?.at; return at?.isConnected ? at : null; }"
GONE = ("crashed", "has been closed", "Target closed", "Connection closed")


class Eyes:
    """Looks at one page. `is_home` says of an address whether it is one of the experiment's site; with `images`, what
    is drawn on canvases is seen, too."""

    def __init__(self, page: Page, is_home: Callable[[str], bool], images: bool) -> None:
        self._page, self._is_home, self._images = page, is_home, images
        self._frames: list[Frame] = []

    async def look(self) -> dict[str, Any]:
        """The page as it stands, as page.js writes it down."""
        while self._frames and self._frames[-1].is_detached():
            self._frames.pop()
        return await self._serialised(self._page.main_frame)

    async def element(self, number: int) -> ElementHandle:
        """The element at which a control is used, as it was last seen. Raises Impossible if it is gone."""
        place = number // FRAME_SIZE
        handle = await self._frames[place].evaluate_handle(ELEMENT, number) if place < len(self._frames) else None
        element = handle.as_element() if handle else None
        if element is None:
            raise Impossible("it is not on the page any more")
        return element

    async def _serialised(self, frame: Frame) -> dict[str, Any]:
        """A frame as it stands, with those of the same site in it. Of frames of other sites nothing is read."""
        if frame not in self._frames:
            self._frames.append(frame)
        base = FRAME_SIZE * self._frames.index(frame)
        inner: list[tuple[ElementHandle, str]] = []
        controls: list[dict[str, Any]] = []
        for child in frame.child_frames:
            try:
                element = await child.frame_element()
                if await self._may_read(child, element):
                    got = await self._serialised(child)
                    inner.append((element, got["html"]))
                    controls += got["controls"]
            except Error as error:  # it is not there yet, or not any more
                if any(word in str(error) for word in GONE):
                    raise
        got = await frame.evaluate(PAGE, [base, [list(pair) for pair in inner], self._images])
        return {**got, "controls": [*got["controls"], *controls]}

    async def _may_read(self, child: Frame, element: ElementHandle) -> bool:
        is_near = self._is_home(child.url) or child.url.startswith("about:")
        return is_near and await child.evaluate(IS_OPEN) and await element.evaluate(IS_SHOWN)
