"""The page of the personas in a real browser, what it writes and refuses, and bots that play as these personas."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from ..hostile import ALL_OF_THEM, HOSTILE, harmless

pytestmark = pytest.mark.server

PATIENCE = 60_000


def files(server):
    return {path.name: path.read_text("utf-8") for path in (server.folder / "_llm_bots/personas").glob("*")}


def send(server, path="", **data):
    """Sends the page's form as a browser would, and returns what is shown then."""
    token = server.csrf_token("/LLMBotsPersonas")
    files = {"file": data.pop("file")} if "file" in data else None
    address = f"{server.url}/LLMBotsPersonas{path}"
    return server.http.post(address, data={"csrftoken": token, **data}, files=files, timeout=60)


@pytest.mark.browser
@pytest.mark.parametrize("otree", ["6", "5"])
def test_click_through(start_server, page, otree):
    page.set_default_timeout(PATIENCE)
    server = start_server(otree)
    page.goto(f"{server.url}/LLMBotsPersonas")
    assert "12" in page.get_by_role("row", name="townspeople").inner_text()

    page.get_by_role("button", name="Copy it into the form").click()
    page.get_by_label("Name", exact=True).fill("pair")
    page.get_by_role("button", name="Add the set").click()
    page.get_by_role("heading", name="Personas: pair").wait_for()
    page.wait_for_load_state("load")
    assert page.locator("#preview pre").all_inner_texts()[1].splitlines() == [
        *("name: Bo", "age: 51", "occupation: a bus driver", "trait: trust people easily"),
    ]
    page.get_by_label("Template").fill("You are ")
    page.get_by_role("button", name="$name").click()
    page.locator("#preview pre").get_by_text("You are Anna", exact=True).wait_for()  # without saving
    page.get_by_label("Template").press_sequentially(", $job.")
    page.get_by_text("$job is no column of this set. It has $name, $age, $occupation, $trait.").wait_for()
    page.get_by_text("Not saved yet.").wait_for()
    page.get_by_role("button", name="Save the template").click()
    page.get_by_role("alert").get_by_text("Not saved. $job is no column").wait_for()
    assert page.get_by_label("Template").input_value() == "You are ${name}, $job."
    assert "pair.txt" not in files(server)

    page.get_by_label("Template").fill("You are $name, $age.")
    page.get_by_role("button", name="Save the template").click()
    page.get_by_role("link", name="the template").wait_for()
    page.wait_for_load_state("load")
    assert page.locator("#preview pre").all_inner_texts() == ["You are Anna, 34.", "You are Bo, 51."]
    assert files(server)["pair.txt"] == "You are $name, $age.\n"
    assert server.get("/LLMBotsPersonas/pair/file/txt") == "You are $name, $age.\n"

    page.get_by_role("link", name="All sets").click()
    page.get_by_role("row", name="pair").get_by_text("a template").wait_for()
    page.set_viewport_size({"width": 800, "height": 600})
    harmless(page)


@pytest.mark.browser
def test_where_there_are_none_it_says_what_they_are_for(start_server, page):
    page.set_default_timeout(PATIENCE)
    server = start_server()
    for path in (server.folder / "_llm_bots/personas").glob("*"):
        path.unlink()
    page.goto(f"{server.url}/LLMBotsPersonas")
    page.get_by_text("This project has no personas yet.").wait_for()
    page.get_by_text("A persona says who a bot is to be").wait_for()


@pytest.mark.parametrize("otree", ["6", "5"])
def test_a_file_is_uploaded_replaced_and_downloaded(start_server, otree):
    server = start_server(otree)
    content = "name;größe\nZoé;1,80\n".encode("utf-8-sig")
    shown = send(server, file=("small_town.csv", content, "text/csv"))
    assert shown.ok and shown.url.endswith("/LLMBotsPersonas/small_town") and "größe: 1,80" in shown.text
    assert server.http.get(f"{server.url}/LLMBotsPersonas/small_town/file/csv", timeout=60).content == content
    shown = send(server, name="small_town", pasted="a\nb\n")
    assert "There already is a set of personas “small_town”" in shown.text
    assert send(server, name="small_town", pasted="a\r\nb\r\n", replace="on").ok
    assert files(server)["small_town.csv"] == "a\nb\n"


MISTAKES = [
    ({"name": "../../settings", "pasted": "a\nb\n"}, "letters from A to Z"),
    ({"name": "", "pasted": "a\nb\n"}, "letters from A to Z"),
    ({"name": "x"}, "Choose a CSV file, or paste its text"),
    ({"name": "x", "pasted": "a\nb\n", "file": ("y.csv", b"a\nb\n")}, "not both"),
    ({"file": ("../y.csv.csv", b"a\nb\n")}, "letters from A to Z"),
    ({"name": "x", "file": ("y.csv", b"a\n" + b"b\n" * 1_000_000)}, "2 MB"),
    ({"name": "x", "pasted": "a,a\n1,2\n"}, "There are two columns “a”"),
    ({"name": "x", "pasted": "a,b\n1,2\n1,2,3\n"}, "Line 3 has more cells (3) than there are columns (2)"),
    ({"name": "x", "file": ("y.csv", b"a\n\xff\n")}, "Line 2 is not UTF-8"),
]


def test_mistakes_are_told_and_nothing_is_written(start_server):
    server = start_server()
    before = files(server)
    for data, said in MISTAKES:
        shown = send(server, **data)
        assert shown.ok and said in shown.text, said
        if data.get("pasted") and "file" not in data:
            assert f">{data['pasted']}</textarea>" in shown.text  # nothing is typed twice
    assert files(server) == before and not (server.folder / "settings.csv").exists()
    for path in ("", "/townspeople", "/townspeople/preview"):  # without the token
        data = {"name": "x", "pasted": "a\nb\n", "template": "x"}
        assert server.http.post(f"{server.url}/LLMBotsPersonas{path}", data=data, timeout=60).status_code == 403
    assert files(server) == before


def test_no_path_leads_out_of_the_folder(start_server):
    server = start_server()
    for path in ("/..%2F..%2Fsettings", "/%2Fetc%2Fpasswd", "/nosuch", "/townspeople%00"):
        assert send(server, path, template="$name").status_code in (200, 404)
        assert send(server, f"{path}/preview", template="$name").status_code in (200, 404)
        for file in ("csv", "txt", "py"):
            assert server.http.get(f"{server.url}/LLMBotsPersonas{path}/file/{file}", timeout=60).status_code == 404
    assert server.http.get(f"{server.url}/LLMBotsPersonas/townspeople/file/py", timeout=60).status_code == 404
    assert server.http.get(f"{server.url}/LLMBotsPersonas/townspeople/file/..%2Fcsv", timeout=60).status_code == 404
    assert sorted(files(server)) == ["townspeople.csv", "townspeople.txt"] and server.tracebacks() == []


@pytest.mark.browser
def test_hostile_texts_stay_texts(start_server, page):
    page.set_default_timeout(PATIENCE)
    server = start_server()
    cells = ['"' + text.replace('"', '""') + '"' for text in HOSTILE.values()]
    folder = server.folder / "_llm_bots/personas"
    (folder / "hostile.csv").write_text("text,same\n" + "\n".join(f"{cell},x" for cell in cells), "utf-8")
    header = ",".join(f'"{text.replace(chr(34), chr(34) * 2)}"' for text in HOSTILE.values() if "\n" not in text)
    (folder / "header.csv").write_text(f"{header}\n{header}\n", "utf-8")
    (folder / "<img src=x onerror=alert(1)>.csv").write_text("a\n1\n")
    (folder / "<b>bad.csv").write_text(HOSTILE["image"] + ",,x")
    (folder / "hostile.txt").write_text(f"$text {HOSTILE['script']}\n", "utf-8")
    for path in ("", "/hostile", "/header", "/%3Cb%3Ebad", "/%3Cimg%20src=x%20onerror=alert(1)%3E"):
        page.goto(f"{server.url}/LLMBotsPersonas{path}")
        page.locator("h2").wait_for()
        harmless(page)
    page.goto(f"{server.url}/LLMBotsPersonas/hostile")
    page.get_by_label("Template").fill(f"$text {ALL_OF_THEM.replace('$', '$$')}")
    page.locator("#preview pre").get_by_text("parent.__hit = 'frame'").first.wait_for()
    page.get_by_role("button", name="Save the template").click()
    page.get_by_role("link", name="the template").wait_for()
    page.wait_for_load_state("load")
    harmless(page)


def test_where_nothing_can_be_written_that_is_said(start_server):
    server = start_server()
    folder = server.folder / "_llm_bots/personas"
    for path in folder.glob("*"):
        path.unlink()
    folder.rmdir()
    folder.write_text("in the way")
    shown = send(server, name="x", pasted="a\nb\n")
    assert "_llm_bots/personas cannot be written here" in shown.text and "deploy that" in shown.text


@pytest.mark.parametrize("otree", ["6", "5"])
def test_bots_play_as_these_personas_each_once_before_any_again(start_server, otree):
    server = start_server(otree)
    send(server, name="pair", pasted="name,age\nAnna,34\nBo,51\n")
    send(server, "/pair", template="You are $name.")
    session = server.session("dictator_de", 5)
    server.launch(session, personas="pair", seed=7)
    server.finish(session, 5)
    bots = server.export(session, "bots")
    assert sorted(Counter(bot["persona_name"] for bot in bots).values()) == [2, 3]
    in_order = [bot["persona_name"] for bot in sorted(bots, key=lambda bot: int(bot["seat"]))]
    assert set(in_order[:2]) == set(in_order[2:4]) == {"Anna", "Bo"}
    assert all(bot["persona"] == f"You are {bot['persona_name']}." for bot in bots)
    rows = server.by_participant(session)
    for bot in bots:
        assert rows[bot["participant"]]["otree_botex.1.player.persona"] == bot["persona"]
    body = {"session_code": server.session("dictator_de", 1), "personas": "nosuch"}
    refused = server.http.post(f"{server.url}/api/llm_bots/launch", json=body, timeout=60)
    assert refused.status_code == 400 and "There is no set of personas “nosuch”" in refused.text
    assert json.loads(server.http.get(f"{server.url}/LLMBots/{body['session_code']}/status").text)["bots"] == []
