"""The report of a launch: complete, true to its manifest, and whole whatever stands in it."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess

import pytest

from otree_botex.record.markup import KNOWN
from otree_botex.record.methods import ITEMS, latex, markdown

SYSTEM = "You take part in a study, as one of its participants.\n\nReply with a JSON object."
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def seat(number, fate="finished", cause="", error="", **more):
    return {
        **{"seat": number, "participant": f"code{number}", "model": "openai/gpt-4.1-mini", "persona": ""},
        **{"treatment": "", "seed": None, "fate": fate, "cause": cause, "error": error, "pages": 12, "timed_out": 0},
        **{"in_browser": 0, "untouched": 0},
        **{"left": 0, "refusals": 1, "calls": 14, "from_cache": 0, "input_tokens": 100, "output_tokens": 20},
        **{"cost": 0.01, "unpriced": 0, **more},
    }


FLAT = {
    "format": 2,
    "launch": "abcd1234",
    "session": "sess5678",
    "started_by": "REST API",
    "started_utc": "2026-11-02T08:15:30.123+00:00",
    "ended_utc": "2026-11-02T09:01:02.000+00:00",
    "server": "127.0.0.1:8000",
    "experiment": {
        "config": {"name": "public_goods", "participation_fee": 2.0},
        "config_sha256": "c0" * 32,
        "apps": ["otree_botex", "public_goods"],
        "code_sha256": "ab" * 32,
        "participants": 6,
        "humans": 2,
        "otree": "6.0.15",
    },
    "pretest": False,
    "budget": {"cost": None, "calls": None, "tokens": None, "bot_calls": None, "then": "pause"},
    "assignment": {"how": "random", "seed": 3, "over": ""},
    "model": {
        "asked": "openai/gpt-4.1-mini",
        "answered": [
            {"model": "gpt-4.1-mini-2025-04-14", "fingerprint": "fp_1a2b", "calls": 50},
            {"model": "gpt-4.1-mini-2025-04-14", "fingerprint": "", "calls": 1},
        ],
        "provider": "openai",
        "host": "api.openai.com",
        "own_address": False,
        "file": None,
        "deterministic": "openai does not promise the same reply to the same request, seed or not.",
        "context_tokens": 1047576,
    },
    "parameters": {
        **{"temperature": 0.7, "max_tokens": None, "seed": None, "attempts": 5, "human_pace": False, "images": False},
        **{"chat_messages": 10, "chat_cost": None, "memory": "full", "cache": False, "driver": "auto", "hosts": []},
    },
    "sent": {"temperature": 0.7, "top_p": "the provider's default", "response_format": "json_schema"},
    "dropped": {"seed": "litellm does not pass it on to openai"},
    "modes": {"json_schema": 50, "prompt": 1},
    "prices": ["litellm 1.106.0"],
    "prompts": {"system": SYSTEM, "refused": "This was not accepted:\n$errors\n"},
    "prompts_sha256": HASH,
    "personas": {"P1": "You are 34 years old.", "P3": "You are 34 years old.", "P2": "You are 71 years old."},
    "versions": {
        "server": {"otree_botex": "0.2.0", "otree": "6.0.15", "python": "3.11.9"},
        "runners": [{"otree_botex": "0.2.0", "litellm": "1.106.0", "llama-cpp-python": None, "python": "3.12.1"}],
    },
    "seats": [
        seat(1),
        seat(2, timed_out=2),
        seat(3, "failed", "refused", "Too many replies to this page were refused."),
        seat(4, "stopped", left=1),
    ],
    "attrition": [
        {
            **{"model": "openai/gpt-4.1-mini", "persona": "", "treatment": "high"},
            **{"seats": 3, "fates": {"finished": 2, "refused": 1}},
        },
        {
            **{"model": "openai/gpt-4.1-mini", "persona": "old", "treatment": ""},
            **{"seats": 1, "fates": {"stopped": 1}},
        },
    ],
    "totals": {
        **{"calls": 56, "errors": 5, "refusals": 4, "from_cache": 0, "input_tokens": 123456, "cached_tokens": 1024},
        **{"output_tokens": 7890, "reasoning_tokens": 512, "cost": 0.1234, "unpriced": 0},
    },
}
FILE = {
    **{"name": "SmolLM2-135M-Instruct.Q4_1.gguf", "sha256": "12" * 32, "bytes": 98765432, "architecture": "llama"},
    **{"quantisation": "Q4_1", "chat_template_sha256": "34" * 32},
}
HOSTILE = (
    "``` ````` \\ \\end{verbatim} \\end{document} \\input{/etc/passwd} $x$ $$ %off # & _a_ *b* **c** ~~d~~ ^e^ {f} "
    "[g](http://x) ![h](i) <script>alert(1)</script> <!-- --> &amp; | 'j' \"k\" -- --- << >> ,, ?` !` @l `m` {}\n"
    "# Heading\n\n- point\n1. one\n***\n\t  tab and  spaces \n[2cm] optional\n* star\n```\nfence\n~~~\n"
    "Grüße, žluťoučký, 中文, 😀, \u202eleft, \x00\x07\x7f\x85\ud800 \r\nend\\"
)


OF_ROWS = ("model", "parameters", "sent", "dropped", "modes", "prices")


def with_one_row(flat):
    """A manifest whose mix has but one row, from one in which what is said of the row stands beside all else."""
    row = {name: flat[name] for name in OF_ROWS} | {"row": 1, "persona_set": "", "totals": flat["totals"]}
    row["seats"] = [seat["seat"] for seat in flat["seats"]]
    return {**{name: value for name, value in flat.items() if name not in OF_ROWS}, "rows": [row]}


LAUNCH = with_one_row(FLAT)


def changed(**parts):
    """The launch with parts of its manifest changed."""
    manifest = copy.deepcopy(FLAT)
    for name, part in parts.items():
        if isinstance(part, dict) and name not in ("prompts", "personas", "sent", "modes", "dropped"):
            manifest[name].update(part)
        else:
            manifest[name] = part
    return with_one_row(manifest)


RANDOM = changed(
    model={"asked": "random", "answered": [], "provider": "otree-botex", "host": "", "deterministic": "yes"},
    **{"sent": {}, "dropped": {}, "modes": {"random": 40}, "prices": [], "personas": {}},
    prompts={"system": SYSTEM},
)
SPARSE = changed(
    ended_utc=None,
    started_by="",
    experiment={"config": {}, "apps": [], "participants": None, "humans": 0, "otree": None, "code_sha256": None},
    model={"answered": [], "provider": "", "host": "", "deterministic": "not known: no bot has begun to play"},
    versions={"server": {}, "runners": []},
    totals={"cost": None},
    **{
        "sent": {},
        "dropped": {},
        "modes": {},
        "prices": [],
        "prompts": {},
        "personas": {},
        "seats": [],
        "attrition": [],
    },
)


def hostile(value):
    """A manifest in which every text is hostile."""
    if isinstance(value, dict):
        return {name: hostile(each) for name, each in value.items()}
    if isinstance(value, list):
        return [hostile(each) for each in value]
    return f"{value} {HOSTILE}" if isinstance(value, str) else value


EVIL = {**hostile(LAUNCH), "attrition": [dict(LAUNCH["attrition"][0], persona=HOSTILE)], "prompts": {HOSTILE: HOSTILE}}
EVIL["rows"][0]["model"]["file"], EVIL["personas"], EVIL["budget"] = hostile(FILE), {"P1": HOSTILE}, LAUNCH["budget"]
EVIL["rows"][0].update({"modes": {}, "dropped": {}, "sent": {}})
ALL = {"an API": LAUNCH, "random": RANDOM, "sparse": SPARSE, "evil": EVIL}


def shown(text):
    """A text as it is meant to come out: control characters by their pictures, no surrogates."""
    text = text.replace("\r\n", "\n")
    return re.sub(r"[\x80-\x9f\ud800-\udfff]", "\ufffd", re.sub(r"[\0\a]", _picture, text).replace("\x7f", "␡"))


def _picture(found):
    return chr(0x2400 + ord(found[0]))


def read_markdown(text):
    """The lines of a Markdown text without its marks, and its verbatim blocks. Fails at a mark that is not ours."""
    lines, blocks = [], []
    rest = iter(text.split("\n"))
    for line in rest:
        fence = re.fullmatch(r"(`{3,})text", line)
        if fence:
            block = []
            # as CommonMark has it, a fence is closed by one that is at least as long
            while not re.fullmatch(rf" {{0,3}}`{{{len(fence[1])},}}\s*", line := next(rest)):
                block.append(line)
            blocks.append("\n".join(block))
        else:
            lines.append(_read_markdown_line(re.sub(r"^(#{1,3} |- (?=\*\*))", "", line)))
    return lines, blocks


def _read_markdown_line(line):
    said, at = "", 0
    while at < len(line):
        ticks = re.compile("`+").match(line, at)
        if ticks:
            end = re.compile(f"(?<!`){ticks[0]}(?!`)").search(line, ticks.end())
            assert end, f"a code span without an end: {line[at:]}"
            code = line[ticks.end() : end.start()]
            said += code[1:-1] if code[:1] == code[-1:] == " " and code.strip() else code
            at = end.end()
        elif line[at] == "\\" and re.match(r"[!-/:-@[-`{-~]", line[at + 1 :]):
            said, at = said + line[at + 1], at + 2
        elif line.startswith("**", at):
            at += 2
        else:
            mark = line.startswith("[AUTHOR: ", at) or line[at:].startswith("]**")
            assert mark or line[at] not in "*_[]<>#|~&$^@!{}\\", f"an open mark: {line[at:]}"
            said, at = said + line[at], at + 1
    return said


def read_latex(text):
    """The text that a LaTeX document of ours typesets. Fails at a command, or a special character, that is not ours."""
    signs = dict(textbackslash="\\", textasciicircum="^", textasciitilde="~", textless="<", textgreater=">")
    signs.update(
        textbar="|", textquotedbl='"', textasciigrave="`", textquotesingle="'", allowbreak="", mbox="", par="\n"
    )
    silent = "section subsection item texttt textbf textcolor ttfamily small begin end sloppy"
    signs.update(dict.fromkeys(silent.split(), ""))
    body = text.split("\\begin{document}\n", 1)[1].removesuffix("\\end{document}\n")
    said, at, depth = "", 0, 0
    while at < len(body):
        found = re.compile(r"\\(?:([a-zA-Z]+)\*?|([{}#$%&_ ]))").match(body, at)
        if found:
            assert found[2] or found[1] in signs, f"a command that is not ours: {found[0]}"
            said, at = said + (found[2] or signs[found[1]]), found.end()
            continue
        assert body[at] not in "\\#$%&_^~", f"an open special character: {body[at : at + 20]}"
        depth += {"{": 1, "}": -1}.get(body[at], 0)
        assert depth >= 0
        said, at = said + ("" if body[at] in "{}" else body[at]), at + 1
    assert depth == 0
    return said


@pytest.mark.parametrize("manifest", ALL.values(), ids=ALL)
def test_all_core_items_stand_in_order_and_none_is_empty(manifest):
    lines, _ = read_markdown(markdown(manifest))
    found = [line for line in lines if re.match(r"[A-G]\.\d ", line)]
    assert [line[:3] for line in found] == list(ITEMS) and len(ITEMS) == 14
    for line, name in zip(found, ITEMS.values(), strict=True):
        assert name in line and len(line) > len(name) + 20
    text = read_latex(latex(manifest))
    places = [text.index(f"{item} {name}.") for item, name in ITEMS.items()]
    assert places == sorted(places)


def answers(manifest):
    """The checklist, as read from the Markdown."""
    lines, _ = read_markdown(markdown(manifest))
    return {line[:3]: line[4:] for line in lines if re.match(r"[A-G]\.\d ", line)}


def test_what_is_known_is_filled_in():
    text = " ".join(read_markdown(markdown(LAUNCH))[0])
    for fact in (
        *("abcd1234", "sess5678", "public_goods", "4 seats of 6 were taken", "2 humans took part", "oTree 6.0.15"),
        *("openai/gpt-4.1-mini", "gpt-4.1-mini-2025-04-14 (50 replies, fingerprint fp_1a2b)", "provider: openai"),
        *("2026-11-02 08:15 to 2026-11-02 09:01 UTC", "an API at api.openai.com", "56 calls took 123,456 input tokens"),
        *("1,024 of them cached", "7,890 output tokens", "512 of them for reasoning", "5 brought no reply"),
        *(
            "US$ 0.1234 by the prices of litellm 1.106.0",
            "temperature = 0.7",
            "Not set: max_tokens, seed, chat_cost and hosts",
        ),
        *("Asked for, but not sent: seed (litellm does not pass it on to openai)", "json_schema (50 replies)"),
        *("openai does not promise the same reply", "Memory: full", "up to 5 times for a page. That happened 4 times"),
        "Of 4 bots, 2 finished, 1 failed (too many replies to a page were refused) and 1 stopped before the end.",
        *(
            "On 2 pages the time was up",
            "1 page was left by others",
            "treatment high – 3 seats: 2 finished and 1 failed",
        ),
        *("Too many replies to this page were refused. (1 seat)", "3 bots had a persona", HASH, "ab" * 32, "c0" * 32),
        *(
            "ran with otree_botex 0.2.0, litellm 1.106.0 and python 3.12.1",
            "started (REST API)",
            "No reply was repaired",
        ),
    ):
        assert fact in text, fact


def test_what_was_played_in_a_browser_is_told():
    assert "browser" not in markdown(LAUNCH).replace("driver", "")
    seats = [seat(1, in_browser=3, untouched=1), seat(2, in_browser=1)]
    text = " ".join(read_markdown(markdown(changed(seats=seats)))[0])
    assert "4 pages were opened in a browser (Chromium). Where a page there was more than a form, the bot" in text
    assert "1 page in a browser was left without any of its controls having been touched." in text
    told = changed(seats=[seat(1, in_browser=1)], parameters={"hosts": ["cdn.example.org"]})
    text = " ".join(read_markdown(markdown(told))[0])
    assert "1 page was opened in a browser" in text and "touched" not in text
    assert 'hosts = ["cdn.example.org"]' in text


def test_both_forms_say_the_same():
    def letters(text):
        """What is left without white space and without what only one of the two forms has."""
        return re.sub(r"\s|\*\*|[\[\]]|red|description|flushleft", "", text)

    for manifest in ALL.values():
        lines, blocks = read_markdown(markdown(manifest))
        typeset = letters(read_latex(latex(manifest)))
        for part in [*lines, *blocks]:
            assert letters(part) in typeset, part


def test_what_only_the_author_knows_stays_open():
    opened = [item for item, answer in answers(LAUNCH).items() if "[AUTHOR: " in answer]
    assert opened == ["A.1", "B.1", "B.3", "B.4", "D.1", "E.1", "E.2", "F.1", "G.1"]
    assert "human participants were told" in answers(LAUNCH)["D.1"]
    assert "human participants were told" not in answers(SPARSE)["D.1"]
    text = latex(LAUNCH)
    assert text.count("\\textbf{\\textcolor{red}{[AUTHOR: ") == markdown(LAUNCH).count("**[AUTHOR: ") == 10


def test_where_no_model_was_asked_its_items_do_not_apply():
    for manifest, said in (
        (RANDOM, "answers were drawn at random"),
        (changed(model={"asked": "replay:old98765", "host": ""}), "the launch old98765, played again"),
    ):
        for item, answer in answers(manifest).items():
            assert ("N/A" in answer) == (item[0] in "BC"), item
            assert "N/A" not in answer or said in answer
        text = markdown(manifest)
        assert (
            "# Bots in this study" in text
            and "large language model" not in text
            and "gpt" not in answers(manifest)["B.1"]
        )
    assert "drawn anew" in markdown(RANDOM) and "not sent to any provider" in answers(RANDOM)["D.1"]


def test_a_cost_that_is_known_in_part_is_told_so():
    priced = changed()
    assert " 0.1234 by the prices of" in markdown(priced) and "of the calls" not in markdown(priced)
    priced["rows"][0]["totals"]["unpriced"] = 3
    assert " (that of 3 of the calls is not known)." in markdown(priced)


def test_a_local_model_is_told_by_its_file():
    local = changed(
        model={"asked": "smollm2", "provider": "llama.cpp", "host": "", "file": FILE, "deterministic": "yes"}
    )
    local["rows"][0]["totals"]["cost"] = None
    told = answers(local)
    for fact in ("SmolLM2-135M-Instruct.Q4_1.gguf", "llama, Q4_1, 98,765,432 bytes", "12" * 32, "34" * 32):
        assert fact in told["B.1"]
    assert "locally, through the library llama.cpp" in told["B.2"] and "not sent to any provider" in told["D.1"]
    assert "the same requests bring the same replies" in told["B.3"]
    server = changed(model={"asked": "local", "host": "127.0.0.1:8080", "file": FILE})
    assert "locally, through a server at 127.0.0.1:8080" in answers(server)["B.2"]
    elsewhere = changed(model={"asked": "local", "host": "gpu.example.org:8080", "file": FILE})
    assert "an API at gpu.example.org:8080" in answers(elsewhere)["B.2"]
    assert "sent to the model's API at gpu.example.org:8080" in answers(elsewhere)["D.1"]


def test_memory_and_cache_are_told():
    for memory, said in (("full", "all that this bot had seen"), ("summary", "notes"), ("none", "nothing of earlier")):
        assert said in answers(changed(parameters={"memory": memory}))["B.5"]
    assert "cache" not in answers(LAUNCH)["B.5"]
    cached = changed(parameters={"cache": True}, totals={"from_cache": 7})
    assert "7 replies came from a cache" in answers(cached)["B.5"]


def test_what_is_not_known_is_not_made_up():
    text = " ".join(read_markdown(markdown(SPARSE))[0])
    assert "had not all ended when this was written" in text and "What they cost is not known" in text
    assert "No human took part" in text and "No bot has played." in text and "None by otree-botex." in text
    assert "None" not in text.replace("None by", "") and " ." not in text and ", ." not in text and "()" not in text


def test_prompts_and_personas_stand_in_full():
    _, blocks = read_markdown(markdown(LAUNCH))
    assert blocks == [SYSTEM, "This was not accepted:\n$errors", "You are 34 years old.", "You are 71 years old."]
    assert "### P1, P3" in markdown(LAUNCH)


def test_no_text_breaks_markdown():
    text = markdown(EVIL)
    text.encode()
    lines, blocks = read_markdown(text)
    assert blocks == [shown(HOSTILE), shown(HOSTILE)]
    headings = [line for line in text.split("\n") if re.match(" {0,3}#", line)]
    assert sum(not line.startswith("### ") for line in headings if line != "# Heading") == 6
    one_line = re.sub(r"[\n\t]", " ", shown(HOSTILE))
    assert sum(one_line in line for line in lines) > 15


def test_no_text_breaks_latex():
    text = latex(EVIL)
    text.encode()
    assert "\\DeclareUnicodeCharacter{4E2D}{" in text and "\\DeclareUnicodeCharacter{1F600}{" in text
    assert text.count("\\end{document}") == 2  # the first in a comment
    for line in shown(HOSTILE).expandtabs(4).split("\n"):
        assert line in read_latex(text)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("manifest", ALL.values(), ids=ALL)
def test_latex_compiles(manifest, tmp_path):
    manifest = {**manifest, "session": "".join(sorted(KNOWN))}
    (tmp_path / "report.tex").write_text(latex(manifest), "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "report.pdf").stat().st_size > 10_000


def mix():
    """A launch in which a model, another one with notes, and chance play."""
    manifest = copy.deepcopy(LAUNCH)
    first = manifest["rows"][0] | {"seats": [1, 2]}
    second = copy.deepcopy(first) | {"row": 2, "seats": [3]}
    second["model"] |= {"asked": "anthropic/claude", "provider": "anthropic", "host": "api.anthropic.com"}
    second["parameters"] |= {"memory": "summary", "temperature": 1.0}
    third = copy.deepcopy(RANDOM["rows"][0]) | {"row": 3, "seats": [4]}
    return manifest | {"rows": [first, second, third]}


def test_a_mix_is_told_row_by_row():
    lines, _ = read_markdown(markdown(mix()))
    text = " ".join(lines)
    assert "by bots of several kinds" in text and "to the 3 rows of a mix" in text and "(seed 3)" in text
    assert [line for line in lines if re.fullmatch(r"Row \d \(.*\)", line)] == [
        "Row 1 (openai/gpt-4.1-mini, 2 seats)",
        "Row 2 (anthropic/claude, 1 seat)",
        "Row 3 (random, 1 seat)",
    ]
    told = answers(mix())
    assert re.search(r"Row 1 .*gpt-4.1-mini.* Row 2 .*claude.* Row 3 .*No language model was asked", told["B.1"])
    assert "Memory: full" in told["B.5"] and "Memory: summary" in told["B.5"] and "N/A" not in told["B.5"]
    assert "Row" not in told["A.2"]  # which holds for all
    read_latex(latex(mix()))


def test_how_a_mix_was_dealt_is_told():
    balanced = mix() | {"assignment": {"how": "balanced", "seed": 8, "over": "treatment"}}
    assert "in the same proportions for each value of treatment (seed 8)" in " ".join(
        read_markdown(markdown(balanced))[0]
    )
    assert "given by hand to the 3 rows" in markdown(mix() | {"assignment": {"how": "by hand", "seed": 8, "over": ""}})
    assert "mix" not in markdown(LAUNCH)


def test_budgets_and_pretests_are_told():
    assert "budget" not in markdown(LAUNCH) and "unclear" not in markdown(LAUNCH)
    budget = {**LAUNCH["budget"], "calls": 100, "bot_calls": 20, "then": "stop"}
    text = " ".join(read_markdown(markdown({**LAUNCH, "budget": budget, "pretest": True}))[0])
    assert "a budget (calls = 100 and bot_calls = 20), at whose limits bots were to stop." in text
    assert "also asked what was unclear or wrong" in text
