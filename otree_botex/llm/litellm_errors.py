"""What goes wrong between litellm and a provider, in our words: who, what, and what the provider itself says.

Errors are told by the names of their classes, so that nothing here imports litellm, which takes seconds.
"""

from __future__ import annotations

import os
import re
import time
from email.utils import parsedate_to_datetime

from ..errors import ModelError, TransientModelError

# What a 400 that is about the way of asking for JSON (and not about the conversation) talks of.
ABOUT_FORMAT = re.compile(r"response.?format|json.?(object|mode)|structured.?output|output_config|schema|grammar", re.I)

# What litellm adds to its words when a reply cannot be read: no reader is helped by it.
INNARDS = re.compile(r"Traceback \(most recent call last\).*|,? *Received response - <.*", re.DOTALL)

FAILURES = {
    401: "did not accept the API key",
    402: "wants to be paid first",
    403: "refused access",
    404: "was not found",
    408: "did not answer in time",
    429: "asks to slow down",
}


def translated(error: Exception, model: str, key: str | None = None) -> ModelError:
    """An error of litellm as one of ours, without the API `key`."""
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else 0
    words = provider_words(error, key)
    if _is(error, "ContextWindowExceededError"):
        return ModelError(f"The prompt is longer than {model} can take: {words}")
    no_quota = "insufficient_quota" in str(getattr(error, "body", ""))  # a 429 too, but waiting will not help
    if no_quota or _is(error, "BudgetExceededError"):
        return ModelError(f"{model} has no credit left: {words}")
    what = FAILURES.get(status, "failed or could not be reached" if status >= 500 else "refused the request")
    message = f"{model} {what}: {words}"
    if status >= 500 or status in (408, 409, 425, 429):
        return TransientModelError(message, _retry_after(error))
    return ModelError(message)


def is_about_format(error: Exception) -> bool:
    """Whether a provider refused the way in which JSON was asked for, and not the conversation."""
    if _is(error, "InternalServerError"):  # how llama-cpp-python's server refuses a format
        return "response_format" in str(error)
    if _is(error, "ContextWindowExceededError", "ContentPolicyViolationError"):
        return False
    return _is(error, "BadRequestError", "UnprocessableEntityError") and bool(ABOUT_FORMAT.search(str(error)))


def provider_words(error: Exception, key: str | None = None) -> str:
    """The provider's message, short, in one line and without the `key` or anything that looks like one."""
    text = INNARDS.sub("", str(error))
    text = re.sub(r"^(?:(?:litellm\.)?\w*(?:Error|Timeout|Exception)(?:: | - ))+", "", text)
    names = [name for name in os.environ if name.upper().endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))]
    secrets = {secret for secret in (key or "", *map(os.environ.get, names)) if secret and len(secret) >= 8}
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        text = text.replace(secret, "***")
    text = " ".join(re.sub(r"\bsk-[\w*.-]{8,}", "***", text).split())
    return (text if len(text) <= 300 else text[:299] + "…") or "no more was said."


def _retry_after(error: Exception) -> float | None:
    """The seconds that a provider asks to wait, which it may write as such, in thousandths, or as a date."""
    headers = getattr(error, "litellm_response_headers", None) or {}
    thousandths, asked = headers.get("retry-after-ms"), headers.get("retry-after") or ""
    try:
        seconds = float(thousandths) / 1000 if thousandths else float(asked)
    except ValueError:
        try:
            seconds = max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
        except ValueError:  # nothing, or nothing that can be read
            return None
    return seconds if 0 <= seconds < float("inf") else None


def _is(error: Exception, *names: str) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)
