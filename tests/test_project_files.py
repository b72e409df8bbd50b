"""What a project keeps for its bots: hostile CSV files, templates, names, and prompts that cannot be used."""

from __future__ import annotations

import csv
import os
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otree_botex import persona_sets, project_files, prompt_check
from otree_botex.errors import SetupError
from otree_botex.record.exports import sha256_of

from .hostile import HOSTILE

BAKERS = "name,age,job title\nAnna,34,baker\nBo,51,\n"


def texts(content, template=""):
    content = content if isinstance(content, bytes) else content.encode()
    return [persona.text for persona in persona_sets.personas("people", persona_sets.read(content), template)]


def test_a_row_is_told_column_by_column_or_by_a_template():
    assert texts(BAKERS) == ["name: Anna\nage: 34\njob title: baker", "name: Bo\nage: 51"]
    told = texts(BAKERS, "You are $name, a ${job_title}.\n\nYou have $$${age}.\n")
    assert told == ["You are Anna, a baker.\n\nYou have $34.", "You are Bo, a .\n\nYou have $51."]
    assert texts("größe;Beruf (jetzt)\n1,80;Bäcker\n", "$größe m, $Beruf_jetzt") == ["1,80 m, Bäcker"]


@pytest.mark.parametrize(
    "content",
    [
        BAKERS,
        BAKERS.replace(",", ";"),
        "\ufeff" + BAKERS,
        BAKERS.replace("\n", "\r\n"),
        BAKERS.replace("\n", "\r"),
        "\n\n" + BAKERS.replace("\n", ",,\n") + ",,,,\n\n",  # as spreadsheets save it
        BAKERS.replace("name,age,job title", 'name , "age", job title'),
        BAKERS.rstrip("\n").removesuffix(","),
    ],
)
def test_ways_to_write_the_same_table(content):
    assert texts(content) == texts(BAKERS)


def test_cells_may_have_delimiters_quotes_and_lines_in_them():
    assert texts('a,b\n"1,2","say ""x""\nand go"\n3,4\n') == ['a: 1,2\nb: say "x"\nand go', "a: 3\nb: 4"]
    assert texts("a;b\n1,5;2,5\n") == ["a: 1,5\nb: 2,5"]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "The file is empty"),
        ("name,age\n", "only names of columns"),
        ("34,baker\n51,smith\n", "“34” is a number"),
        ("name,,age\nAnna,x,3\n", "Column 2 has no name"),
        ("age,name,age\n1,2,3\n", "two columns “age”"),
        ("job title,job_title\n1,2\n", "“job title” and “job_title” would both be \\$job_title"),
        ('name,age\nAnna,1\n"Bo\nb",2\nCy,3,4,5\n', "Line 5 has more cells \\(4\\) than there are columns \\(2\\)"),
        ('name,age\nAnna,1\n"Bo,2\nCy,3\n', "Line 3 cannot be read"),
        ('name,age\n"An"na,1\n', "Line 2 cannot be read"),
        ("name,age\nZoé,3\n".encode("latin-1"), "Line 2 is not UTF-8"),
        ("name,age\nZoé,3\n".encode("utf-16"), "Line 1 is not UTF-8"),
        ("name,age\nZoe,3\n".encode("utf-16-le"), "This is no text file"),
        (b"a,b\n" + b"1,2\n" * 500_001, "may have 2 MB"),
        ("a,b\n1," + "x" * 200_000, "Line 2 cannot be read: field larger than field limit"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_words(content, said):
    csv.field_size_limit(131_072)  # as it is where nothing else was read
    with pytest.raises(SetupError, match=said):
        texts(content)


@pytest.mark.parametrize(
    "template, said",
    [
        ("$name is $old", "\\$old is no column of this set. It has \\$name, \\$age, \\$job_title."),
        ("${job title}", "In line 1 a \\$ is followed by no name"),
        ("$name\nhas $ 5", "In line 2 a \\$ is followed by no name. Write \\$\\$ for a dollar sign"),
        ("$Name", "\\$Name is no column"),
    ],
)
def test_a_template_that_does_not_fit_is_told_in_words(template, said):
    with pytest.raises(SetupError, match=said):
        texts(BAKERS, template)


def test_personas_are_named_by_their_column_if_it_tells_them_apart():
    def names(content):
        return [persona.name for persona in persona_sets.personas("people", persona_sets.read(content.encode()))]

    assert names(BAKERS) == ["Anna", "Bo"]
    assert names("age,Label\n3,x\n4,y\n") == ["x", "y"]
    assert names("name,label\nBo,x\nBo,y\n") == ["x", "y"]
    for unclear in (
        "name,age\nBo,1\nBo,2\n",
        "name,age\nBo,1\n,2\n",
        "age\n1\n2\n",
        f"name,age\nBo,1\n{'x' * 101},2\n",
    ):
        assert names(unclear) == ["people 1", "people 2"]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(deadline=None)
@given(
    st.lists(st.lists(CELLS | st.sampled_from(sorted(HOSTILE.values())), max_size=6), max_size=6),
    st.sampled_from(",;\t\n"),
)
def test_whatever_is_in_a_file_it_is_read_or_told_in_words(rows, between):
    content = "\n".join(between.join(row) for row in rows).encode()
    try:
        table = persona_sets.read(content)
    except SetupError as error:
        assert str(error)[-1] in ".?" and "Traceback" not in str(error)
        return
    assert all(len(row) == len(table.columns) for row in table.rows)
    every = " ".join(f"${{{placeholder}}}" for placeholder in table.placeholders.values())
    told = persona_sets.personas("people", table, every)
    assert len(told) == len(table.rows) == len({persona.name for persona in told})
    for persona, row in zip(told, table.rows, strict=True):
        assert persona.text == " ".join(row).strip()


@settings(deadline=None)
@given(CELLS, st.binary(max_size=200))
def test_no_template_and_no_bytes_break_it(template, content):
    for given_content, given_template in ((BAKERS.encode(), template), (content, "")):
        try:
            texts(given_content, given_template)
        except SetupError as error:
            assert str(error)


@settings(deadline=None)
@given(st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=50))
def test_good_names(name):
    project_files._check_name(name)


BAD_NAMES = [
    "",
    "..",
    ".",
    "../x",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "C:x",
    "a b",
    "ä",
    "x" * 51,
    "a\n",
    "a.csv",
    "%2e%2e",
    "a\0",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_nothing_is_written_under_a_bad_name(tmp_path, name):
    project = tmp_path / "deep" / "project"
    project.mkdir(parents=True)
    for write in (
        lambda: project_files.add_personas(project, name, BAKERS.encode()),
        lambda: project_files.save_persona_template(project, name, "$name"),
        lambda: project_files.add_prompts(project, name, {}),
        lambda: project_files.save_prompt(project, name, "system", "Hello"),
        lambda: project_files.reset_prompt(project, name, "system"),
    ):
        with pytest.raises(SetupError):
            write()
    project_files.add_prompts(project, "ours", {})
    with pytest.raises(SetupError):
        project_files.save_prompt(project, "ours", name, "Hello")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_written_is_read_again(tmp_path):
    project_files.add_personas(tmp_path, "people", BAKERS.encode())
    assert project_files.persona_sets(tmp_path) == ["people"]
    assert [persona.text for persona in project_files.personas(tmp_path, "people")] == texts(BAKERS)
    project_files.save_persona_template(tmp_path, "people", "I am $name.\r\n\r\nReally.\r\n")
    assert project_files.personas(tmp_path, "people")[1].text == "I am Bo.\n\nReally."
    assert (tmp_path / "_llm_bots/personas/people.txt").read_bytes() == b"I am $name.\n\nReally.\n"
    with pytest.raises(SetupError, match="There already is a set of personas “people”"):
        project_files.add_personas(tmp_path, "people", b"a\nx\n")
    project_files.add_personas(tmp_path, "people", b"a\nx\n", replace=True)
    with pytest.raises(SetupError, match="The personas “people” cannot be used. \\$name is no column"):
        project_files.personas(tmp_path, "people")
    project_files.save_persona_template(tmp_path, "people", "  \n")
    assert not (tmp_path / "_llm_bots/personas/people.txt").exists()
    assert sorted(os.listdir(tmp_path / "_llm_bots/personas")) == ["people.csv"]


def test_only_changed_prompts_are_kept(tmp_path):
    default = prompt_check.defaults()
    project_files.add_prompts(tmp_path, "terse", {"system": "Reply with JSON."})
    project_files.save_prompt(tmp_path, "terse", "refused", "No: $errors")
    project_files.save_prompt(tmp_path, "terse", "acted", default["acted"].replace("\n", "\r\n"))
    assert project_files.prompts(tmp_path, "terse") == {"refused": "No: $errors\n", "system": "Reply with JSON.\n"}
    assert sha256_of(prompt_check.completed(project_files.prompts(tmp_path, "terse"))) != sha256_of(default)
    project_files.reset_prompt(tmp_path, "terse", "refused")
    project_files.save_prompt(tmp_path, "terse", "system", default["system"])
    assert project_files.prompts(tmp_path, "terse") == {} and project_files.prompt_sets(tmp_path) == ["terse"]
    assert sha256_of(prompt_check.completed({})) == sha256_of(default)
    with pytest.raises(SetupError, match="already is a set of prompts"):
        project_files.add_prompts(tmp_path, "terse", {})


@pytest.mark.parametrize(
    "prompt, text, said",
    [
        ("systems", "Hello", "There is no prompt called “systems”"),
        ("../system", "Hello", "There is no prompt called “../system”"),
        ("system", " \n", "must not be empty"),
        ("system", "x" * 20_001, "may have 20,000 characters"),
        ("system", "You are $persona", "\\$persona is no placeholder of “system”. It has none"),
        ("refused", "No.", "“refused” must have \\$errors in it"),
        ("part", "$number of $total $of", "\\$total is no placeholder of “part”. It may have \\$number, \\$of"),
        ("refused", "$errors\ncost 5 $", "“refused” cannot be used. In line 2 a \\$ is followed by no name"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_told_in_words(tmp_path, prompt, text, said):
    with pytest.raises(SetupError, match=said):
        prompt_check.check(prompt, text)
    project_files.add_prompts(tmp_path, "ours", {})
    with pytest.raises(SetupError):
        project_files.save_prompt(tmp_path, "ours", prompt, text)
    assert project_files.prompts(tmp_path, "ours") == {}


def test_a_set_that_was_broken_by_hand_is_told_in_words(tmp_path):
    folder = tmp_path / "_llm_bots/prompts/ours"
    folder.mkdir(parents=True)
    (folder / "refused.txt").write_text("No.")
    with pytest.raises(SetupError, match="The prompts “ours” cannot be used. The prompt “refused” must have"):
        project_files.prompts(tmp_path, "ours")
    assert project_files.stored_prompts(tmp_path, "ours") == {"refused": "No."}
    (folder / "refused.txt").write_bytes("Nö: $errors".encode("latin-1"))
    with pytest.raises(SetupError, match="ours/refused.txt is not UTF-8"):
        project_files.prompts(tmp_path, "ours")


def test_where_nothing_can_be_written_that_is_said(tmp_path):
    (tmp_path / "_llm_bots").write_text("in the way of the folder")
    with pytest.raises(SetupError, match="_llm_bots/personas cannot be written here .*your own copy of the project"):
        project_files.add_personas(tmp_path, "people", BAKERS.encode())


def test_nothing_is_written_through_a_link_that_leads_out(tmp_path):
    outside, project = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    (project / "_llm_bots").mkdir(parents=True)
    (project / "_llm_bots/personas").symlink_to(outside)
    with pytest.raises(SetupError, match="leads out of _llm_bots"):
        project_files.add_personas(project, "people", BAKERS.encode())
    assert list(outside.iterdir()) == []
