"""A short document as Markdown and as LaTeX. Whatever its texts hold, they come out as they are and break nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class Code(str):
    """Part of a sentence that stands as it was recorded: a name, a number, a hash."""


class Author(str):
    """Part of a sentence that is left open: what the author of a paper has to say here."""


Pieces = Sequence[str]
"""A text, in parts: prose, `Code` and `Author`."""


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    pieces: Pieces


@dataclass(frozen=True)
class Points:
    """A list, each of its points with a label."""

    points: Sequence[tuple[str, Pieces]]


@dataclass(frozen=True)
class Verbatim:
    """A text of many lines, every character of which counts."""

    text: str


Block = Heading | Paragraph | Points | Verbatim


def say(sentence: str, *values: str | Pieces) -> list[str]:
    """A sentence with values in the place of its `{}`."""
    first, *rest = sentence.split("{}")
    pieces = [first]
    for value, text in zip(values, rest, strict=True):
        pieces += [value] if isinstance(value, str) else value
        pieces.append(text)
    return pieces


def listed(values: Iterable[str | Pieces], last: str = "and") -> list[str]:
    """Values as one enumerates them in a sentence: `a, b and c`."""
    parts = [[value] if isinstance(value, str) else list(value) for value in values]
    pieces: list[str] = []
    for number, part in enumerate(parts):
        if number:
            pieces.append(f" {last} " if number == len(parts) - 1 else ", ")
        pieces += part
    return pieces


def joined(*sentences: Pieces) -> list[str]:
    """Sentences, those that there are, as one paragraph."""
    pieces: list[str] = []
    for sentence in filter(None, sentences):
        pieces += [" ", *sentence] if pieces else sentence
    return pieces


def to_markdown(blocks: Iterable[Block]) -> str:
    """Plain Markdown, which CommonMark, GitHub and pandoc read alike."""
    return "\n\n".join(map(_markdown, blocks)) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_md_text(text)}"
        case Paragraph(pieces):
            return _md_line(pieces)
        case Points(points):
            return "\n".join(f"- **{_md_text(label)}** {_md_line(pieces)}" for label, pieces in points)
        case Verbatim(text):
            text = _clean(text)
            fence = "`" * max(3, 1 + _longest_run("`", text))
            return f"{fence}text\n{text}\n{fence}"


def _md_line(pieces: Pieces) -> str:
    return "".join(map(_md_piece, pieces)).strip()


def _md_piece(piece: str) -> str:
    if isinstance(piece, Author):
        return f"**[AUTHOR: {_md_text(piece)}]**"
    return _md_code(piece) if isinstance(piece, Code) else _md_text(piece)


def _md_text(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~&$^@!])", r"\\\1", _one_line(text))


def _md_code(text: str) -> str:
    text = _one_line(text)
    ticks = "`" * (1 + _longest_run("`", text))
    # a space at both ends is taken off by whoever reads it
    padded = f" {text} " if text[:1] in "` " or text[-1:] in "` " else text
    return f"{ticks}{padded}{ticks}"


def _longest_run(character: str, text: str) -> int:
    return max(map(len, re.findall(f"{re.escape(character)}+", text)), default=0)


LATEX = r"""% This compiles as it is; into a paper goes what stands between \begin{document} and \end{document}.
% pdfLaTeX prints characters that its fonts lack as their numbers, XeLaTeX and LuaLaTeX as themselves if their font can.
\documentclass{article}
\usepackage{color}
\ifdefined\Umathcode
\usepackage{fontspec}
\else
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
DECLARED\fi
\begin{document}
\sloppy

BODY
\end{document}
"""
KNOWN = {
    *map(chr, range(0x20, 0x7F)),
    *map(chr, range(0xA0, 0x100)),
    *"ĂăĄąĆćČčĎďĐđĘęĚěĞğİıĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž–—‘’‚“”„…•€\n",
}
"""What pdfLaTeX can print with the fonts that every LaTeX has."""
TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
TEX_CODE = {**TEX, "'": r"\textquotesingle{}", "-": "-{}", ",": ",{}", "!": "!{}", "?": "?{}"}
"""In names and prompts nothing may melt into one: `--` is two hyphens there, and no dash."""
WORD, PART = 16, 8
"""A longer word than this may be broken across lines, after each so many characters."""


def to_latex(blocks: Iterable[Block]) -> str:
    """A whole document, with no package but those that every LaTeX has."""
    body = "\n\n".join(map(_latex, blocks))
    unknown = sorted(set(body) - KNOWN)
    declared = "".join(
        f"\\DeclareUnicodeCharacter{{{ord(each):04X}}}{{\\texttt{{[U+{ord(each):04X}]}}}}\n" for each in unknown
    )
    return LATEX.replace("DECLARED", declared).replace("BODY", body)


def _latex(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"\\{'sub' * max(0, level - 2)}section*{{{_tex(_one_line(text), TEX)}}}"
        case Paragraph(pieces):
            return _tex_line(pieces)
        case Points(points):
            items = (f"\\item[{{{_tex(_one_line(label), TEX)}}}] {_tex_line(pieces)}" for label, pieces in points)
            return "\n".join(["\\begin{description}", *items, "\\end{description}"])
        case Verbatim(text):
            # each line a paragraph: after a line break, one that begins with a bracket would be its argument
            lines = (_tex_code(line) or "\\mbox{}" for line in _clean(text).expandtabs(4).split("\n"))
            return "\\par\n".join(["\\begin{flushleft}\\ttfamily\\small", *lines, "\\end{flushleft}"])


def _tex_line(pieces: Pieces) -> str:
    return "".join(map(_tex_piece, pieces)).strip()


def _tex_piece(piece: str) -> str:
    text = _one_line(piece)
    if isinstance(piece, Author):
        return f"\\textbf{{\\textcolor{{red}}{{[AUTHOR: {_tex(text, TEX)}]}}}}"
    return f"\\texttt{{{_tex_code(text)}}}" if isinstance(piece, Code) else _tex(text, TEX)


def _tex_code(line: str) -> str:
    words = (_breakable(word) for word in re.split("( )", line))
    # a space after another, or at the beginning, would be swallowed
    return re.sub(r"(?<![^ ]) |(?<=^) ", r"\\ ", "".join(words))


def _breakable(word: str) -> str:
    parts = [word] if len(word) <= WORD else [word[at : at + PART] for at in range(0, len(word), PART)]
    return "\\allowbreak{}".join(_tex(part, TEX_CODE) for part in parts)


def _tex(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def _clean(text: str) -> str:
    """A text without what no format can hold: control characters are shown by their pictures."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[\x00-\x08\x0b-\x1f]", lambda found: chr(0x2400 + ord(found[0])), text).replace("\x7f", "\u2421")
    return re.sub(r"[\x80-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)


def _one_line(text: str) -> str:
    return re.sub(r"[\n\t]", " ", _clean(text))
