"""People for the tests, beside the bots, and a page in which to look at the admin's pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .person import Person


@pytest.fixture
def new_person(chromium: Any) -> Iterator[Callable[[], Person]]:
    """Makes people, each with a browser of their own, for whom nothing may break."""
    people: list[Person] = []

    def make() -> Person:
        people.append(Person(chromium.new_page(viewport={"width": 1280, "height": 900})))
        return people[-1]

    yield make
    for someone in people:
        someone.page.close()
    assert [someone.problems for someone in people] == [[]] * len(people)


@pytest.fixture
def person(new_person: Callable[[], Person]) -> Person:
    return new_person()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page in a browser, in which no script may break."""
    page, problems = chromium.new_page(viewport={"width": 1280, "height": 900}), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.close()
    assert problems == []
