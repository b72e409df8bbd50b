"""What is handed over for a request: pure functions, so that a prompt can be rebuilt from its record to the letter."""

from __future__ import annotations

import json
from typing import Any

from . import Message, Request, Schema
from .grammar import gbnf

MODES = ("json_schema", "json_object", "prompt")
"""Ways to ask an API for a reply that follows a schema, from the strictest to the one that every model understands."""

INSTRUCTION = "Reply with one JSON object and nothing else. It must satisfy this JSON Schema:\n"

# Limits that OpenAI's strict mode does not take or did not always take; they are said in words instead, and checked
# by whoever reads the reply. litellm does the same for Anthropic, with the limits of numbers as well.
SAID_IN_WORDS = {
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "uniqueItems": "Each item at most once.",
    "title": "Title: {}.",
}


def rendered(request: Request, mode: str, own: bool = False) -> dict[str, Any]:
    """The messages and the response format or grammar that ask for a reply under the request's schema, in a
    `Completion.mode`: exactly what litellm or llama.cpp is given. `random` and `replay` are given the messages.

    A server of one's `own` (one with an `api_base`) is given the schema with "json_object" too: llama.cpp's and some
    others honour it there, and only there. Raises ValueError for a schema that no reply can satisfy under a grammar.
    """
    messages = [_in_parts(message) for message in request.messages]
    if mode == "json_schema":
        answer = {"name": "answer", "strict": True, "schema": _strict(request.schema)}
        return {"messages": messages, "response_format": {"type": mode, mode: answer}}
    if mode == "grammar":
        return {"messages": messages, "grammar": gbnf(request.schema)}
    if mode not in MODES:
        return {"messages": messages}
    messages = _with_instruction(messages, INSTRUCTION + json.dumps(request.schema, ensure_ascii=False))
    if mode == "prompt":
        return {"messages": messages}
    return {"messages": messages, "response_format": {"type": mode, **({"schema": request.schema} if own else {})}}


def _in_parts(message: Message) -> dict[str, Any]:
    """A message as litellm takes it: its pictures are parts of its content, after the text."""
    if not message.get("images"):
        return {"role": message["role"], "content": message["content"]}
    images = [{"type": "image_url", "image_url": {"url": url}} for url in message["images"]]
    return {"role": message["role"], "content": [{"type": "text", "text": message["content"]}, *images]}


def _with_instruction(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    for i in range(len(messages) - 1, -1, -1):
        if messages[i]["role"] == "user":
            content = messages[i]["content"]
            more = f"{content}\n\n{text}" if isinstance(content, str) else [*content, {"type": "text", "text": text}]
            last = {**messages[i], "content": more}
            return [*messages[:i], last, *messages[i + 1 :]]
    return [*messages, {"role": "user", "content": text}]


def _strict(schema: Schema) -> dict[str, Any]:
    """The schema with the keys that strict modes refuse turned into words of its description."""
    strict: dict[str, Any] = {key: value for key, value in schema.items() if key not in SAID_IN_WORDS}
    words = [text.format(schema[key]) for key, text in SAID_IN_WORDS.items() if schema.get(key)]
    if words:
        strict["description"] = " ".join([*([schema["description"]] if schema.get("description") else []), *words])
    if "properties" in schema:
        strict["properties"] = {name: _strict(field) for name, field in schema["properties"].items()}
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "anyOf" in schema:
        strict["anyOf"] = [_strict(branch) for branch in schema["anyOf"]]
    return strict
