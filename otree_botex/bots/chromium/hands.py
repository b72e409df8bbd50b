"""What a bot does on a page in Chromium, as a person does it: with the mouse and the keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import ElementHandle, Error, Page

from ..actions import Action
from ..scene import Scene

TYPED_LENGTH = 500
"""Longer texts are pasted, shorter ones typed key by key, since scripts may listen to keys."""
TYPED = ("text", "search", "email", "url", "tel", "password", "textarea", "number")
CHANGED = """element => {
    element.dispatchEvent(new Event('change', {bubbles: true}));
    const root = element.getRootNode(), value = element.value;
    root.addEventListener('change', function swallow(event) {
        if (event.target !== element) return;
        root.removeEventListener('change', swallow, true);
        if (event.isTrusted && element.value === value) event.stopImmediatePropagation();
    }, true);
}"""
"""A person leaves a field, and its scripts hear that it changed. A bot stays in it, where it may press Enter next. That
it changed is not told once more when it leaves."""
MOST_STEPS = 500
"""A slider that a script drew is moved by so many steps at most."""
GRIP_PIXELS = 6
BEYOND = 0.25
"""Something that is dragged is let go so far behind the middle of what it is dragged to, as a part of its height, in
the direction in which it came: lists take it in before or behind by where it is let go."""


class Impossible(Exception):
    """An action that cannot be done. `str(error)` says why, to the model."""


async def do(page: Page, action: Action, scene: Scene, element: Callable[[int], Awaitable[ElementHandle]]) -> None:
    """Does one thing on a page that stands as this scene; `element` finds a control by its number.

    Raises Impossible, and Playwright's errors.
    """
    if action.do == "press":
        await page.keyboard.press(str(action.value))
        return
    number = scene.submit.number if action.do == "submit" and scene.submit else action.control
    assert number is not None
    control = await element(number)
    if action.do in ("click", "submit"):
        await control.click()
    elif action.do == "drag":
        assert action.to is not None
        await _drag(page, control, await element(action.to))
    elif action.do == "choose":
        await control.select_option(index=_indexes(action, scene))
    elif action.do == "set":
        await _set(page, control, action.value)
    elif action.do == "fill":
        await _write(control, str(action.value))


async def put(control: ElementHandle, value: Any) -> None:
    """Puts a value into a form's control: a text, a state (True, False), or the values of a list's options."""
    if isinstance(value, list):
        await control.select_option(value=value)
    elif isinstance(value, bool):
        await control.set_checked(value)
    else:
        await control.fill(value)


def why_not(error: Error) -> str:
    """Why something could not be done, for the model."""
    text = str(error)
    if "intercepts pointer events" in text:
        return "something else on the page covers it"
    if "not visible" in text or "outside of the viewport" in text:
        return "it is not to be seen now"
    if "not enabled" in text:
        return "it is disabled"
    if "not stable" in text:
        return "it does not stand still"
    if "Timeout" in text:
        return "it could not be used within three seconds"
    return text.splitlines()[0].removeprefix("Error: ")


def _indexes(action: Action, scene: Scene) -> list[int]:
    """The places of what is to be chosen in a list."""
    control = scene.find(action.control or 0)
    assert control is not None
    labels = action.value if isinstance(action.value, list) else [action.value]
    return [control.indexes[control.options.index(label)] for label in labels]


async def _write(control: ElementHandle, text: str) -> None:
    kind = await control.evaluate("element => element.localName === 'input' ? element.type : element.localName")
    if kind not in TYPED or len(text) > TYPED_LENGTH or "\n" in text:
        await control.fill(text)
    else:
        await control.fill("")
        await control.type(text)
    if kind in TYPED:
        await control.evaluate(CHANGED)


async def _set(page: Page, control: ElementHandle, value: Any) -> None:
    if await control.evaluate("element => element.localName === 'input'"):
        await control.fill(str(value))
        return
    # a slider that a script drew is moved by its keys
    await control.focus()
    now = float(await control.get_attribute("aria-valuenow") or 0)
    for _ in range(MOST_STEPS):
        if abs(now - float(value)) < 1e-9:
            return
        await page.keyboard.press("ArrowRight" if now < float(value) else "ArrowLeft")
        then = float(await control.get_attribute("aria-valuenow") or 0)
        if then == now or (then - float(value)) * (now - float(value)) < 0:
            break
        now = then
    raise Impossible(f"it cannot be moved to {value}; it stands at {now:g}")


async def _drag(page: Page, control: ElementHandle, to: ElementHandle) -> None:
    mouse = page.mouse
    await control.hover()
    start = await control.bounding_box()
    await mouse.down()
    try:
        if start is not None:  # it is gripped before the page is scrolled
            await mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2 + GRIP_PIXELS, steps=3)
        await to.scroll_into_view_if_needed()
        end = await to.bounding_box()
        if start is None or end is None:
            raise Impossible("it is not to be seen now")
        beyond = BEYOND if end["y"] > start["y"] else -BEYOND
        x, y = end["x"] + end["width"] / 2, end["y"] + end["height"] * (0.5 + beyond)
        await mouse.move(x, y, steps=5)
        await mouse.move(x, y)
    finally:
        await mouse.up()
