"""What can be set is documented, and what the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

from otree_botex.cli import _parser

ROOT = Path(__file__).parents[1]
SURROUNDINGS = {"OTREE_BOTEX_PYTHON", "OTREE_BOTEX_CHROMIUM", "OTREE_REST_KEY"}
DOCS = "\n".join(path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def test_every_command_and_option_is_documented():
    commands = _parser()._subparsers._group_actions[0]
    for name, parser in commands.choices.items():
        if name in ("runner", "first", "preview", "probe"):  # the server's, not a person's
            continue
        assert f"otree-botex {name}" in DOCS
        for action in parser._actions:
            option = action.option_strings[-1] if action.option_strings else ""
            assert option in DOCS or option in ("--help", "--project"), option


def test_every_setting_is_documented():
    settings = (ROOT / "otree_botex/admin/settings.py").read_text()
    for key in re.search(r"KNOWN = \{(.*)\}", settings)[1].replace('"', "").split(", "):
        assert f"`{key}`" in DOCS
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "otree_botex").rglob("*.py"))
    for name in set(re.findall(r'config\.get\("(llm_\w+)"\)', source)) | SURROUNDINGS:
        assert name in DOCS, name


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_tables_and_columns_are_documented():
    models = (ROOT / "otree_botex/models.py").read_text("utf-8")
    for table in re.findall(r"^class (\w+)\(AnyModel", models, re.MULTILINE):
        assert f"`otree_botex_{table.lower()}`" in DOCS
    player = models.split("class Player")[1].split("\n\n\n")[0]
    for column in re.findall(r"^    (\w+) = otree_models", player, re.MULTILINE):
        assert f".{column}`" in DOCS


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"(?:`|^    )make (\w+)", DOCS, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
