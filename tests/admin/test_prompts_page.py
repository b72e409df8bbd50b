"""The page of the prompts in a real browser, what it writes and refuses, and bots that play with a set of prompts."""

from __future__ import annotations

import pytest

from otree_botex import prompt_check
from otree_botex.record.exports import sha256_of

from ..hostile import ALL_OF_THEM, HOSTILE, harmless
from ..servers import edit

pytestmark = pytest.mark.server

PATIENCE = 60_000


def files(server, name):
    return {path.name: path.read_text("utf-8") for path in (server.folder / "_llm_bots/prompts" / name).glob("*")}


def send(server, path="", **data):
    token = server.csrf_token("/LLMBotsPrompts")
    return server.http.post(f"{server.url}/LLMBotsPrompts{path}", data={"csrftoken": token, **data}, timeout=60)


@pytest.mark.browser
@pytest.mark.parametrize("otree", ["6", "5"])
def test_click_through(start_server, page, otree):
    page.set_default_timeout(PATIENCE)
    server = start_server(otree)
    page.goto(f"{server.url}/LLMBotsPrompts")
    shown = page.locator(".llm-bots-prompt").all_inner_texts()
    assert len(shown) == len(prompt_check.defaults())
    assert sum("You take part in a study" in text for text in shown) == 1
    default = sha256_of(prompt_check.defaults())
    assert default in page.get_by_role("row", name="default").inner_text()

    page.get_by_label("as", exact=True).fill("terse")
    page.get_by_role("button", name="Make a set").click()
    page.get_by_role("heading", name="Prompts: terse").wait_for()
    assert page.locator("#sha256").inner_text() == default and files(server, "terse") == {}

    refused = page.locator("#refused")
    refused.locator("summary").click()
    refused.get_by_label("refused").fill("No.")
    refused.get_by_role("button", name="Save").click()
    refused.get_by_text("Not saved. The prompt “refused” must have $errors in it").wait_for()
    assert refused.get_by_label("refused").input_value() == "No." and files(server, "terse") == {}
    refused.get_by_label("refused").fill("This was not accepted:\n$errors\nTry again.")
    refused.get_by_role("button", name="Save").click()
    refused.get_by_text("changed", exact=True).wait_for()
    page.wait_for_load_state("load")
    assert refused.locator("del").all_inner_texts() == ["You are still on the same page. Answer all of it again."]
    assert refused.locator("ins").all_inner_texts() == ["Try again."]
    assert files(server, "terse") == {"refused.txt": "This was not accepted:\n$errors\nTry again.\n"}
    changed = page.locator("#sha256").inner_text()
    assert changed == sha256_of(prompt_check.completed({"refused": files(server, "terse")["refused.txt"]})) != default

    page.set_viewport_size({"width": 800, "height": 600})
    harmless(page)
    page.get_by_role("link", name="All prompts").click()
    assert changed in page.get_by_role("row", name="terse refused").inner_text()
    harmless(page)
    page.get_by_label("Copy").select_option("terse")
    page.get_by_label("as", exact=True).fill("terser")
    page.get_by_role("button", name="Make a set").click()
    page.get_by_role("heading", name="Prompts: terser").wait_for()
    assert page.locator("#sha256").inner_text() == changed
    page.locator("#refused").get_by_role("button", name="Reset to the default").click()
    page.get_by_text(default).wait_for()
    assert files(server, "terser") == {} and len(files(server, "terse")) == 1


def test_each_prompt_says_when_it_is_used(start_server):
    server = start_server()
    text = server.get("/LLMBotsPrompts")
    for name in prompt_check.defaults():
        assert f"<strong>{name}</strong>" in text
        assert f'<strong>{name}</strong> <span class="text-muted"></span>' not in text, (
            f"prompts_page.USED lacks {name}"
        )


def test_mistakes_are_told_and_nothing_is_written(start_server):
    server = start_server()
    for name, said in (("../x", "letters from A to Z"), ("", "letters from A to Z")):
        assert said in send(server, name=name).text
    assert not (server.folder / "_llm_bots/x").exists()
    assert "There is no set of prompts “nosuch”" in send(server, name="x", copied="nosuch").text
    assert send(server, name="ours").url.endswith("/LLMBotsPrompts/ours")
    assert "There already is a set of prompts “ours”" in send(server, name="ours").text
    for prompt, text, said in (
        ("system", "", "must not be empty"),
        ("system", "You are $persona", "$persona is no placeholder of “system”"),
        ("refused", "cost 5 $\n$errors", "In line 1 a $ is followed by no name"),
        ("../../../settings", "x", "There is no prompt called “../../../settings”"),
    ):
        shown = send(server, "/ours", prompt=prompt, text=text)
        assert shown.ok and said in shown.text and "Traceback" not in shown.text, said
    for path in ("/nosuch", "/..%2Fpersonas", "/%2Fetc"):
        assert send(server, path, prompt="system", text="x").status_code == 404
        assert send(server, path, reset="system").status_code == 404
    send(server, "/ours", reset="../../personas/townspeople")
    assert (server.folder / "_llm_bots/personas/townspeople.txt").exists()
    assert files(server, "ours") == {} and server.tracebacks() == []


@pytest.mark.browser
def test_saving_one_prompt_saves_the_others(start_server, page):
    """What is refused stays on the page, unsaved, also when another one is saved; leaving without it is asked about."""
    page.set_default_timeout(PATIENCE)
    server = start_server()
    send(server, name="ours")
    page.goto(f"{server.url}/LLMBotsPrompts/ours")
    typed = {"system": "Play.", "refused": "No.", "persona": "You are: $persona"}
    for name, text in typed.items():
        page.locator(f"#{name} summary").click()
        page.get_by_label(name, exact=True).fill(text)
    page.locator("#system").get_by_role("button", name="Save").click()
    page.get_by_text("Not saved. The prompt “refused” must have $errors in it").wait_for()
    assert files(server, "ours") == {"system.txt": "Play.\n", "persona.txt": "You are: $persona\n"}
    assert page.get_by_label("refused", exact=True).input_value() == "No."
    page.wait_for_load_state("load")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="All prompts").click(no_wait_after=True)
    page.get_by_label("refused", exact=True).fill("No: $errors")
    page.locator("#system").get_by_role("button", name="Reset to the default").click()
    page.locator("#refused").get_by_text("changed", exact=True).wait_for()
    assert asked == ["beforeunload"]
    assert files(server, "ours") == {"refused.txt": "No: $errors\n", "persona.txt": "You are: $persona\n"}
    page.get_by_role("link", name="All prompts").click()
    page.get_by_role("heading", name="ours").or_(page.get_by_role("row", name="ours")).first.wait_for()


@pytest.mark.browser
def test_hostile_texts_stay_texts(start_server, page):
    page.set_default_timeout(PATIENCE)
    server = start_server()
    folder = server.folder / "_llm_bots/prompts" / "<img src=x onerror=alert(1)>"
    folder.mkdir(parents=True)
    (folder / "system.txt").write_text(ALL_OF_THEM.replace("$", "$$"), "utf-8")
    (folder / "refused.txt").write_text(HOSTILE["end_of_pre"], "utf-8")
    (folder / '<b onload="x">.txt').write_text("x")
    for path in ("", "/%3Cimg%20src=x%20onerror=alert(1)%3E"):
        page.goto(f"{server.url}/LLMBotsPrompts{path}")
        page.get_by_text("cannot be used").first.wait_for()
        harmless(page)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_hash_is_the_one_in_the_manifest(start_server, otree):
    server = start_server(otree)
    send(server, name="terse")
    send(server, "/terse", prompt="refused", text="No:\r\n$errors")
    page = server.get("/LLMBotsPrompts/terse")
    session = server.session("dictator_de", 1)
    launch = server.launch(session, prompts="terse")
    server.finish(session, 1)
    manifest = server.get(f"/api/llm_bots/launch/{launch}/manifest")
    assert manifest["prompts"]["refused"] == "No:\n$errors\n"
    assert f'id="sha256">{manifest["prompts_sha256"]}<' in page
    assert server.export(session, "bots")[0]["prompts_sha256"] == manifest["prompts_sha256"]


def test_a_broken_set_refuses_a_launch_in_words(start_server):
    server = start_server()
    send(server, name="terse")
    send(server, "/terse", prompt="refused", text="No: $errors")
    edit(server, "_llm_bots/prompts/terse/refused.txt", r"No: \$errors", "No.")
    body = {"session_code": server.session("dictator_de", 1), "prompts": "terse"}
    refused = server.http.post(f"{server.url}/api/llm_bots/launch", json=body, timeout=60)
    assert (refused.status_code, "must have $errors in it" in refused.text) == (400, True), refused.text
    assert server.bots(body["session_code"]) == []
