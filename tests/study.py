"""A study to look at: three apps in a row, and a scripted model that plays them with reasons of its own, so that pages
for experimenters have something to show. It is named `openai/scripted` wherever it appears."""

from __future__ import annotations

import json
import random
from typing import Any

MODEL = "openai/scripted"
CONFIG = "study"
RIGHT = {"Yes", "Player B", "Three coins"}
REASONS = (
    "If everybody puts in all they have, we all get more. I go first and hope that they do, too.",
    "I do not know the others. I put in what I could do without, and keep the rest.",
    "Whatever the others do, each point that I keep is worth more to me than my share of it in the pot.",
    "Half seems fair to me: nobody could blame me, and I lose little if the others give nothing.",
    "The rules say so, and I read them twice.",
)
REMARKS = (
    "The page does not say whether the others will see how much I contributed.",
    "It is not clear whether the points are paid out in money.",
    "Multiplied by 1.8 and shared by three: an example would help here.",
)


def settings(api_base: str) -> str:
    """Lines for the end of a demo project's settings.py."""
    return (
        f"SESSION_CONFIGS.append(dict(name={CONFIG!r}, display_name='Quiz, public goods game and survey', "
        "app_sequence=['otree_botex', 'quiz', 'public_goods', 'survey'], num_demo_participants=6))\n"
        f"LLM_BOTS = dict(models=['random', dict(model={MODEL!r}, api_base={api_base!r})])\n"
    )


def think(messages: list[dict[str, Any]], schema: dict[str, Any]) -> Any:
    """A valid reply with a reason, and in a pre-test now and then a remark. The same request gets the same reply."""
    chance = random.Random(json.dumps(messages))
    reply = _value(schema, chance)
    if "reason" in reply:
        reply["reason"] = chance.choice(REASONS)
    if "remark" in reply:
        page = messages[-1]["content"]
        reply["remark"] = chance.choice(REMARKS) if "common pot" in page and chance.random() < 0.7 else ""
    return reply


def _value(schema: dict[str, Any], chance: random.Random) -> Any:
    if "enum" in schema:
        return next((value for value in schema["enum"] if value in RIGHT), chance.choice(schema["enum"]))
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], chance)
    if schema["type"] == "object":
        return {name: _value(part, chance) for name, part in schema["properties"].items()}
    if schema["type"] == "array":
        return [_value(schema["items"], chance)]
    if schema["type"] in ("integer", "number"):
        least, most = schema.get("minimum", 0), schema.get("maximum", 100)
        return most // 2 if most <= 2 else min(round(chance.triangular(least, most, most / 2)), most)
    return {"string": "Tea and a book.", "boolean": True}[schema["type"]]
