"""Which models cost money: those that a provider is asked for, and not a machine of one's own."""

from __future__ import annotations

import os
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from .parameters import REPLAY

OWN_ADDRESSES = {
    "ollama": "OLLAMA_API_BASE",
    "ollama_chat": "OLLAMA_API_BASE",
    "lm_studio": "LM_STUDIO_API_BASE",
    "llamafile": "LLAMAFILE_API_BASE",
    "hosted_vllm": "HOSTED_VLLM_API_BASE",
}
"""Programs that run models on one's own machine, by litellm's names for them, and where litellm reads their address."""
NOT_BY_ITSELF = {"hosted_vllm"}
"""Of these, what is not taken to be on this machine unless its address says so."""
SENT_ON = re.compile(r"[:-]cloud$")
"""Ends the names of models that Ollama does not run itself but sends on."""


def is_paid(model: str, api_base: str | None = None) -> bool:
    """Whether somebody may have to pay for what this model replies; `api_base` is its address in the settings."""
    if model in ("random", "smollm2", "local") or model.startswith(("llama.cpp:", REPLAY)):
        return False
    if SENT_ON.search(model):
        return True
    provider = model.partition("/")[0] if "/" in model else ""
    address = api_base or os.environ.get(OWN_ADDRESSES.get(provider, ""))
    if address:
        return not is_loopback(host_of(address))
    return provider not in OWN_ADDRESSES or provider in NOT_BY_ITSELF


def host_of(address: str) -> str:
    """The host of an address with or without http://; empty if it has none."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can reach a host of this name."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
