"""Which models cost money."""

from __future__ import annotations

import pytest

from otree_botex.paid import is_loopback, is_paid


@pytest.mark.parametrize(
    ("model", "address", "paid"),
    [
        ("random", None, False),
        ("smollm2", None, False),
        ("local", None, False),
        ("llama.cpp:/models/any.gguf", None, False),
        ("replay:abcdefgh", None, False),
        ("openai/gpt-4.1-mini", None, True),
        ("gpt-4.1-mini", None, True),
        ("anthropic/claude-sonnet-4-5", None, True),
        ("openai/mine", "http://127.0.0.1:8080/v1", False),
        ("openai/mine", "http://[::1]:8080/v1", False),
        ("openai/mine", "http://localhost:8080/v1", False),
        ("openai/mine", "https://models.example.org/v1", True),
        ("openai/mine", "http://127.0.0.1.example.org/v1", True),
        ("ollama/llama3.2", None, False),
        ("ollama_chat/llama3.2", "http://10.0.0.5:11434", True),
        ("ollama/gpt-oss:120b-cloud", None, True),
        ("hosted_vllm/any", None, True),
        ("hosted_vllm/any", "http://127.0.0.1:8000/v1", False),
    ],
)
def test_what_a_provider_is_asked_for_is_paid(model, address, paid):
    assert is_paid(model, address) is paid


def test_where_ollama_is_may_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("OLLAMA_API_BASE", "http://ollama.example.org:11434")
    assert is_paid("ollama/llama3.2")
    monkeypatch.setenv("OLLAMA_API_BASE", "127.0.0.1:11434")
    assert not is_paid("ollama/llama3.2")


def test_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "", "10.0.0.1", "localhost.example.org")))
