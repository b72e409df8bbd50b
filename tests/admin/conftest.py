"""People for the tests, beside the bots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .person import Person
from .postgres import database  # noqa: F401  (a fixture)


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
