"""What a GGUF model file says of itself: enough to know, years later, which one it was."""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import SetupError

STRING, ARRAY = 8, 9
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The format's types of numbers, as the struct module writes them."""

QUANTISATIONS = {
    **dict(enumerate(("F32", "F16", "Q4_0", "Q4_1"))),
    **dict(enumerate("Q8_0 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K".split(), 7)),
    **dict(enumerate("IQ2_XXS IQ2_XS Q2_K_S IQ3_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ3_M IQ2_S IQ2_M IQ4_XS".split(), 19)),
    **dict(enumerate(("IQ1_M", "BF16"), 31)),
    **dict(enumerate(("TQ1_0", "TQ2_0", "MXFP4_MOE", "NVFP4", "Q1_0", "Q2_0"), 36)),
}
"""llama.cpp's names of file types (llama_ftype in its llama.h)."""


def metadata(path: Path) -> dict[str, Any]:
    """The key-value pairs in the head of a GGUF file, without its lists (the vocabulary, above all).

    Raises SetupError if there is no such file, or it is none.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise SetupError(f"{path} is not a GGUF model file.")
            _, _, count = _read(file, "I"), _read(file, "Q"), _read(file, "Q")
            pairs = ((_string(file).decode("utf-8", "replace"), _value(file, _read(file, "I"))) for _ in range(count))
            return {key: value for key, value in pairs if value is not None}
    except FileNotFoundError:
        raise SetupError(f"There is no model file {path}.") from None
    except OSError as error:
        raise SetupError(f"The model file {path} cannot be read: {error.strerror}.") from None
    except (struct.error, KeyError, OverflowError, MemoryError):
        raise SetupError(f"The model file {path} is broken, or of a version of GGUF that is not known here.") from None


def facts(path: Path) -> dict[str, Any]:
    """What a manifest says of a model file. `name` is the file's; the model's own is `model`. Raises as `metadata`."""
    stat = path.stat()
    return dict(_facts(path, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=8)
def _facts(path: Path, size: int, _changed: int) -> dict[str, Any]:
    head = metadata(path)
    architecture = head.get("general.architecture", "")
    template = head.get("tokenizer.chat_template")
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return {
        "name": path.name,
        "bytes": size,
        "sha256": digest.hexdigest(),
        "model": head.get("general.name", ""),
        "architecture": architecture,
        "quantisation": QUANTISATIONS.get(head.get("general.file_type", -1), ""),
        "context_length": head.get(f"{architecture}.context_length"),
        "chat_template_sha256": template_hash(template) if template else "",
    }


def template_hash(template: str) -> str:
    """How a chat template is told from another."""
    return hashlib.sha256(template.encode()).hexdigest()


def _read(file: BinaryIO, kind: str) -> Any:
    form = f"<{kind}"
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def _string(file: BinaryIO) -> bytes:
    length = _read(file, "Q")
    text = file.read(length)
    if len(text) < length:
        raise struct.error("the file ends in a text")
    return text


def _value(file: BinaryIO, kind: int) -> Any:
    """The value that follows; None for a list, which is passed over."""
    if kind == STRING:
        return _string(file).decode("utf-8", "replace")
    if kind != ARRAY:
        return _read(file, NUMBERS[kind])
    inner, count = _read(file, "I"), _read(file, "Q")
    if inner in NUMBERS:
        file.seek(count * struct.calcsize(f"<{NUMBERS[inner]}"), 1)
    else:
        for _ in range(count):
            _value(file, inner)
    return None
