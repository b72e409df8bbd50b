"""The record in oTree's database: complete, exported, deleted with its session; and oTree's own data as ever."""

from __future__ import annotations

import csv
import io
import json

import pytest
import websocket

from ..servers import wait_until

pytestmark = pytest.mark.server


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_data_page_exports_bots_steps_and_messages(start_server):
    server = start_server()
    session = server.play("quiz", 2)
    exports = {}
    for name in ("bots", "steps", "messages"):
        path = f"/api/export_app_custom?app=otree_botex&function_name=custom_export_{name}&session_code={session}"
        exports[name] = rows(server.get(path))
        assert f"custom_export_{name}" in server.get("/ExportIndex")
    assert {row["state"] for row in exports["bots"]} == {"finished"} and len(exports["bots"]) == 2
    bot = exports["bots"][0]
    assert json.loads(bot["parameters"])["seed"] is not None and json.loads(bot["versions"])["otree"]
    steps = [row for row in exports["steps"] if row["participant"] == bot["participant"]]
    assert [row["page"] for row in steps if row["field"] == "factor"] == ["Questions"]
    refused = [refusal for row in steps if row["field"] == "amount" for refusal in json.loads(row["refusals"])]
    assert all(refusal["by"] == "server" and refusal["messages"] for refusal in refused)
    assert int(bot["refusals"]) == sum(
        len(json.loads(row["refusals"])) for row in {row["step"]: row for row in steps}.values()
    )
    messages = [row for row in exports["messages"] if row["participant"] == bot["participant"]]
    assert [int(row["number"]) for row in messages] == list(range(1, len(messages) + 1))
    assert len([row for row in messages if row["role"] == "assistant"]) == int(bot["calls"])


def test_an_export_of_one_session_is_of_this_one(start_server):
    """Whether or not its config lists the app, as that of another does."""
    without = "SESSION_CONFIGS.append(dict(name='without', num_demo_participants=1, app_sequence=['dictator_de']))"
    server = start_server(settings=without)
    sessions = [server.play("dictator_de", 1), server.play("without", 1)]
    export = "/api/export_app_custom?app=otree_botex&function_name=custom_export_bots"
    for session in sessions:
        assert [row["session"] for row in rows(server.get(f"{export}&session_code={session}"))] == [session]
        assert [row["session"] for row in server.export(session, "bots")] == [session]
    assert [row["session"] for row in rows(server.get(export))] == sessions


def test_each_request_can_be_put_together_again(start_server):
    """A reply names the messages it answers; each of them is stored once, whole."""
    server = start_server()
    session = server.play("guess_two_thirds", 3)
    messages, steps = server.export(session, "messages"), server.export(session, "steps")
    for bot in {row["bot"] for row in messages}:
        own = {int(row["number"]): row for row in messages if row["bot"] == bot}
        replies = [row for row in own.values() if row["role"] == "assistant"]
        assert len(replies) == 3
        for reply in replies:
            sent = [own[number] for number in json.loads(reply["sent"])]
            assert sent[0]["role"] == "system" and sent[-1]["role"] == "user"
            assert [row["role"] for row in sent[1:]] == (["user", "assistant"] * 3)[: len(sent) - 1]
        last = "\n".join(own[number]["content"] for number in json.loads(replies[-1]["sent"]))
        pages = [row for row in steps if row["bot"] == bot and row["kind"] == "form"]
        assert len(pages) == 7  # instructions, three guesses, three results
        for page in pages[:-1]:  # those with nothing to decide are read and remembered too
            assert page["text"].lstrip("'") in last


def test_oTree_5_has_the_export_too(start_server):
    server = start_server("5")
    session = server.play("dictator_de", 1)
    socket = websocket.create_connection(server.url.replace("http", "ws") + "/export")
    socket.send(json.dumps({"app_name": "otree_botex", "for_excel": False, "is_custom": True}))
    found = rows(json.loads(socket.recv())["data"])
    socket.close()
    assert {row["field"] for row in found if row["session"] == session} >= {"spende", "schaetzung"}


def test_deleting_a_session_deletes_its_record(start_server):
    server = start_server()
    kept, gone = server.play("dictator_de", 1), server.play("dictator_de", 1)
    socket = websocket.create_connection(server.url.replace("http", "ws") + "/delete_sessions")
    socket.send(json.dumps([gone]))
    socket.recv()
    socket.close()
    export = "/api/export_app_custom?app=otree_botex&function_name=custom_export_"

    def sessions(table):
        return {row["session"] for row in rows(server.get(export + table))}

    wait_until(lambda: sessions("bots") == {kept}, 10, "the record is gone")
    assert sessions("steps") == sessions("messages") == {kept}


def test_a_session_without_bots_is_as_it_was(start_server):
    """The same pages and the same data, but for the bot columns."""
    server = start_server()
    with_app = server.session("dictator_de", 2)
    settings = server.folder / "settings.py"
    settings.write_text(
        settings.read_text().replace("app_sequence=['otree_botex', 'dictator_de']", "app_sequence=['dictator_de']")
    )
    server.end()
    server.start()
    without_app = server.session("dictator_de", 2)
    one, other = server.by_participant(with_app), server.by_participant(without_app)
    values = [
        {k: v for k, v in row.items() if v and k.startswith("dictator_de.")} for row in (*one.values(), *other.values())
    ]
    assert values[0] == values[2]
    first = next(iter(one.values()))
    assert first["otree_botex.1.player.is_bot"] == "0" and first["otree_botex.1.player.model"] == ""
    assert server.get(f"/LLMBots/{without_app}")  # the tab is there all the same
    server.launch(without_app)
    assert [bot["state"] for bot in server.wait_for_end(without_app)] == ["finished"] * 2


def test_every_language_comes_through_unharmed(start_server):
    """From the page to the model, from its answer to oTree, and into record, exports and transcript."""
    server = start_server()
    server.end()
    code, template = server.folder / "survey/__init__.py", server.folder / "survey/Drinks.html"
    words = {"Never": "أبدًا", "Sometimes": "有时候 🙂", "Every day": "každý deň é"}
    source = code.read_text("utf-8")
    for word, other in words.items():
        assert f"'{word}'" in source
        source = source.replace(f"'{word}'", f"'{other}'")
    code.write_text(source, "utf-8")
    page = template.read_text("utf-8").replace("{{ block content }}", "{{ block content }}<p dir=rtl>שלום 👩‍🚀</p>")
    template.write_text(page, "utf-8")
    server.start()
    session = server.play("survey", 3)
    data = server.by_participant(session)
    steps = [row for row in server.export(session, "steps") if row["field"] == "tea"]
    for row in steps:
        number = int(data[row["participant"]]["survey.1.player.tea"])
        assert row["answer"] == list(words.values())[number - 1]
        assert all(word in row["text"] for word in words.values()) and "שלום 👩‍🚀" in row["text"]
    assert len(steps) == 3
    told = [row["content"] for row in server.export(session, "messages") if row["role"] == "user"]
    assert sum("שלום 👩‍🚀" in text and "有时候 🙂" in text for text in told) == 3
    transcript = server.get(f"/LLMBots/{session}/bot/{server.bots(session)[0]['bot']}")
    assert "שלום 👩‍🚀" in transcript and "أبدًا" in transcript
