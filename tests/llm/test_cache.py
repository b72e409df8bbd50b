"""Tests of the file of replies."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otree_botex.errors import ModelError, SetupError
from otree_botex.llm import LLM, Completion, ModelOptions, Request, Usage, load
from otree_botex.llm.cache import Cached

REQUEST = Request([{"role": "user", "content": "Wählen Sie."}], {"type": "object", "a": 1, "b": 2}, seed=5)


class Counting(LLM):
    """Replies with the number of the request."""

    context_tokens = 99

    def __init__(self, **about: Any) -> None:
        self._about = {"provider": "here", "host": "", "file": None, "sent": {"temperature": 0.5}, **about}
        self.asked = 0
        self.closed = False
        self.next: Any = None

    def complete(self, request: Request) -> Completion:
        self.asked += 1
        if isinstance(self.next, Exception):
            raise self.next
        plain = Completion(
            f"Antwort {self.asked}", "m-1", Usage(10, 5), 0.25, mode="prompt", request_id="r", prices="p"
        )
        return replace(plain, fingerprint="fp", **(self.next or {}))

    def count_tokens(self, text: str) -> int:
        return len(text)

    def about(self) -> dict[str, Any]:
        return self._about

    def close(self) -> None:
        self.closed = True


def test_a_hit_costs_nothing_and_is_marked(tmp_path):
    llm = Counting()
    cached = Cached(llm, "m", tmp_path / "new" / "replies.sqlite3")
    first, second = cached.complete(REQUEST), cached.complete(replace(REQUEST, seat=3, deadline=9e9))
    assert first.text == "Antwort 1" and not first.from_cache and first.cost == 0.25 and llm.asked == 1
    assert second == Completion("Antwort 1", "m-1", Usage(), 0.0, "stop", "prompt", "", "fp", "", from_cache=True)
    assert (cached.context_tokens, cached.count_tokens("abc"), cached.about()) == (99, 3, llm.about())
    cached.close()
    assert llm.closed
    assert Cached(Counting(), "m", tmp_path / "new" / "replies.sqlite3").complete(REQUEST) == second  # it lasts


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "user", "content": "Choose."}]},
        {"messages": [{**REQUEST.messages[0], "images": ["data:,"]}]},
        {"schema": {"type": "object", "b": 2, "a": 1}},
        {"seed": 6},
        {"seed": None},
    ],
)
def test_another_request_is_asked(tmp_path, other):
    llm = Counting()
    cached = Cached(llm, "m", tmp_path / "replies")
    cached.complete(REQUEST)
    assert not cached.complete(replace(REQUEST, **other)).from_cache and llm.asked == 2


@pytest.mark.parametrize(
    "about", [{"sent": {"temperature": 0.6}}, {"host": "other"}, {"file": {"sha256": "1"}}, {"provider": "there"}]
)
def test_another_model_is_asked(tmp_path, about):
    Cached(Counting(), "m", tmp_path / "replies").complete(REQUEST)
    assert not Cached(Counting(**about), "m", tmp_path / "replies").complete(REQUEST).from_cache
    assert not Cached(Counting(), "n", tmp_path / "replies").complete(REQUEST).from_cache
    assert Cached(Counting(), "m", tmp_path / "replies").complete(REQUEST).from_cache


@pytest.mark.parametrize("bad", [{"text": " "}, {"finish_reason": "length"}, ModelError("no")])
def test_failures_are_not_kept(tmp_path, bad):
    llm = Counting()
    cached = Cached(llm, "m", tmp_path / "replies")
    llm.next = bad
    if isinstance(bad, Exception):
        with pytest.raises(ModelError):
            cached.complete(REQUEST)
    else:
        cached.complete(REQUEST)
    llm.next = None
    assert cached.complete(REQUEST).text == "Antwort 2"


def _fill(path: Path, start: int) -> None:
    cached = Cached(Counting(), "m", path)
    threads = [
        threading.Thread(target=lambda n=n: [cached.complete(replace(REQUEST, seed=s)) for s in range(n, n + 20)])
        for n in range(start, start + 40, 20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cached.close()


def test_several_processes_write_to_one_file(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_fill, args=[tmp_path / "replies", start]) for start in (0, 20, 40)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    llm = Counting()
    cached = Cached(llm, "m", tmp_path / "replies")
    assert all(cached.complete(replace(REQUEST, seed=seed)).from_cache for seed in range(80)) and llm.asked == 0


def test_a_file_that_cannot_be_used(tmp_path, caplog):
    llm = Counting()
    (tmp_path / "text").write_text("This is not a database, and long enough to be seen not to be one." * 20)
    with pytest.raises(SetupError, match="cannot be used: file is not a database"):
        Cached(llm, "m", tmp_path / "text")
    assert llm.closed
    with pytest.raises(SetupError, match="cannot be used"):
        Cached(llm, "m", tmp_path / "text" / "below")
    cached = Cached(llm, "m", tmp_path / "replies")
    with sqlite3.connect(tmp_path / "replies") as other:
        other.execute("DROP TABLE replies")
    assert cached.complete(REQUEST).text and "could not be used: no such table" in caplog.text


def test_who_is_wrapped(tmp_path):
    path = tmp_path / "replies"
    assert type(load("random", ModelOptions(cache=path))).__name__ == "RandomAnswers"
    assert not path.exists()
    pytest.importorskip("litellm", reason="litellm is not installed")
    assert isinstance(load("ollama/llama3", ModelOptions(cache=path)), Cached)
