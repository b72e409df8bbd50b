"""What is said of a launch as a whole: its manifest, what became of its seats, its report and archive, its replay."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from ..servers import edit, wait_until

pytestmark = pytest.mark.server


def manifest(server, launch):
    return server.get(f"/api/llm_bots/launch/{launch}/manifest")


def launch_of(server, session):
    return server.bots(session)[0]["launch"]


def file(server, session, launch, name):
    return server.http.get(f"{server.url}/LLMBots/{session}/launch/{launch}/{name}", timeout=30)


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_manifest_says_what_shaped_the_answers(start_server, otree):
    server = start_server(otree)
    session = server.play("public_goods", 3)
    launch = launch_of(server, session)
    told = manifest(server, launch)
    assert told["format"] == 2 and told["launch"] == launch and told["session"] == session
    assert told["started_by"] == "REST API" and told["started_utc"] < told["ended_utc"]
    assert told["server"] == server.url
    experiment = told["experiment"]
    assert experiment["config"]["name"] == "public_goods" and experiment["apps"] == ["otree_botex", "public_goods"]
    assert experiment["participants"] == 3 and experiment["humans"] == 0
    assert experiment["otree"].startswith(otree) and told["versions"]["server"]["otree"] == experiment["otree"]
    assert told["versions"]["runners"][0]["otree_botex"] == told["versions"]["server"]["otree_botex"]
    (row,) = told["rows"]
    assert row["model"]["asked"] == "random" and row["model"]["deterministic"] == "yes"
    assert row["model"]["answered"] == [{"model": "random", "fingerprint": "", "calls": told["totals"]["calls"]}]
    assert row["parameters"]["seed"] is not None and row["parameters"]["memory"] == "full"
    assert row["seats"] == [1, 2, 3] and told["assignment"]["how"] == "random" and told["budget"]["cost"] is None
    assert len({seat["seed"] for seat in told["seats"]}) == 3
    assert "You take part in a study" in told["prompts"]["system"] and len(told["prompts_sha256"]) == 64
    assert [seat["fate"] for seat in told["seats"]] == ["finished"] * 3
    everybody = {"model": "random", "persona": "", "treatment": "", "seats": 3, "fates": {"finished": 3}}
    assert told["attrition"] == [everybody]


def test_a_change_of_the_experiment_shows_in_its_hashes(start_server):
    server = start_server()
    first = manifest(server, launch_of(server, server.play("dictator_de", 1)))["experiment"]
    same = manifest(server, launch_of(server, server.play("dictator_de", 1)))["experiment"]
    richer = server.session("dictator_de", 1, participation_fee=7)
    launch = server.launch(richer)
    server.wait_for_end(richer)
    other = manifest(server, launch)["experiment"]
    assert same == first and other["code_sha256"] == first["code_sha256"]
    assert other["config_sha256"] != first["config_sha256"]
    page = server.folder / "dictator_de/__init__.py"
    server.end()
    page.write_text(page.read_text() + "\n# a change\n")
    server.start()
    changed = manifest(server, launch_of(server, server.play("dictator_de", 1)))["experiment"]
    assert changed["code_sha256"] != first["code_sha256"] and changed["config_sha256"] == first["config_sha256"]


def test_nothing_that_failed_disappears(start_server):
    """A bot that fails is counted by its cause and treatment, beside those that finish."""
    server = start_server(settings="SESSION_CONFIG_DEFAULTS['treatment'] = 'loss frame'")
    code = server.folder / "quiz/__init__.py"
    server.end()
    broken = """class Questions(Page):
    def vars_for_template(player):
        return dict(zero=1 / (player.participant.id_in_session - 1))
"""
    code.write_text(code.read_text().replace("class Questions(Page):", broken, 1))
    server.start()
    session = server.session("quiz", 2)
    launch = server.launch(session)
    server.wait_for_end(session)
    told = manifest(server, launch)
    (group,) = told["attrition"]
    assert group["treatment"] == "loss frame" and group["seats"] == 2, told["seats"]
    assert group["fates"] == {"finished": 1, "page": 1}
    failed = next(seat for seat in told["seats"] if seat["fate"] == "failed")
    assert failed["cause"] == "page" and "error 500" in failed["error"], failed
    exported = {row["seat"]: row for row in server.export(session, "bots")}
    assert exported[str(failed["seat"])]["cause"] == "page" and exported["1"]["treatment"] == "loss frame"


def test_a_treatment_may_be_0_and_may_be_settled_late(start_server):
    """Where it is only settled on a page, the session config's counts until then; 0 and False are treatments."""
    server = start_server(settings="PARTICIPANT_FIELDS = ['treatment']; SESSION_CONFIG_DEFAULTS['treatment'] = 'none'")
    drawn = """def before_next_page(player: Player, timeout_happened):
        player.participant.treatment = [0, False, 'high'][player.id_in_group - 1]"""
    edit(server, "dictator_de/__init__.py", r"def before_next_page\(player: Player, timeout_happened\):", drawn)
    session = server.session("dictator_de", 3)
    launch = server.launch(session)
    server.finish(session, 3)
    assert [seat["treatment"] for seat in manifest(server, launch)["seats"]] == ["0", "False", "high"]
    assert [row["treatment"] for row in server.export(session, "bots")] == ["0", "False", "high"]


def test_a_launch_has_a_page_a_report_and_an_archive(start_server, chromium):
    server = start_server()
    session = server.play("survey", 2)
    launch = launch_of(server, session)
    page = chromium.new_page()
    page.goto(f"{server.url}/LLMBots/{session}")
    page.locator("#llm-bots-launches").get_by_role("link", name=launch).click()
    page.get_by_role("heading", name=f"Launch {launch}").wait_for()
    assert page.inner_text("h3") == f"Launch {launch} played by random"
    assert "finished" in page.inner_text("table thead").lower()
    page.close()
    told = manifest(server, launch)
    assert file(server, session, launch, "manifest.json").json() == told
    report = file(server, session, launch, "report.md").text
    assert launch in report and "B.1" in report and "AUTHOR" in report
    assert r"\end{document}" in file(server, session, launch, "report.tex").text
    with zipfile.ZipFile(io.BytesIO(file(server, session, launch, "archive.zip").content)) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        assert names >= {"manifest.json", "report.md", "bots.csv", "steps.csv", "messages.csv", "sent.jsonl"}
        assert names >= {"personas.csv", "transcripts/P1.jsonl", "transcripts/P2.jsonl"}
        assert json.loads(archive.read(f"launch_{launch}/manifest.json")) == told
        sent = archive.read(f"launch_{launch}/sent.jsonl").decode().splitlines()
        assert len(sent) == told["totals"]["calls"]
    assert file(server, session, launch, "passwords.txt").status_code == 404


@pytest.mark.parametrize("otree", ["6", "5"])
def test_the_archive_does_without_a_report_that_cannot_be_made(start_server, otree):
    server = start_server(otree)
    template = server.folder / "_templates" / "otree_botex" / "LLMBotsReportFile.html"
    template.parent.mkdir(parents=True)
    template.write_text("{{ what_nobody_knows }}")
    session = server.play("dictator_de", 2)
    launch = launch_of(server, session)
    with zipfile.ZipFile(io.BytesIO(file(server, session, launch, "archive.zip").content)) as archive:
        assert archive.testzip() is None and f"launch_{launch}/pretest.html" not in archive.namelist()
        assert "what_nobody_knows" in archive.read(f"launch_{launch}/pretest.txt").decode()
        bots = archive.read(f"launch_{launch}/bots.csv").decode("utf-8-sig").splitlines()
    assert len(bots) == 3, "the header and two bots"


def test_a_launch_is_replayed_to_the_letter(start_server):
    server = start_server()
    first = server.play("guess_two_thirds", 3)
    launch = launch_of(server, first)
    again = server.play("guess_two_thirds", 3, model=f"replay:{launch}")

    def guesses(session):
        return [
            {name: value for name, value in row.items() if name.endswith((".guess", ".is_winner"))}
            for row in sorted(server.wide(session), key=lambda row: int(row["participant.id_in_session"]))
        ]

    assert guesses(again) == guesses(first) and any(guesses(first)[0].values())
    told = manifest(server, launch_of(server, again))
    assert told["totals"]["cost"] == 0 and set(told["rows"][0]["modes"]) == {"replay"}


def test_a_replay_of_another_experiment_stops_at_the_page_that_differs(start_server):
    server = start_server()
    launch = launch_of(server, server.play("dictator_de", 1))
    changed = server.session("dictator_de", 1)
    code = next(path for path in (server.folder / "dictator_de").glob("*.html") if "formfields" in path.read_text())
    server.end()
    code.write_text(code.read_text().replace("{{ formfields }}", "<p>Ganz neu.</p>{{ formfields }}"))
    server.start()
    server.launch(changed, model=f"replay:{launch}")
    (bot,) = wait_until(lambda: [b for b in server.bots(changed) if b["state"] == "failed"], 60, "it fails")
    assert "Replay" in bot["error"] and "Ganz neu." in bot["error"], bot["error"]


def test_a_replay_of_nothing_is_refused(start_server):
    server = start_server()
    session = server.session("dictator_de", 1)
    answer = server.http.post(
        f"{server.url}/api/llm_bots/launch", json={"session_code": session, "model": "replay:nosuch"}, timeout=30
    )
    assert answer.status_code == 400 and "no launch 'nosuch'" in answer.text


def test_a_mix_is_one_launch(start_server):
    """Two rows, each with parameters of its own, are played by two processes and told in one manifest."""
    server = start_server()
    session = server.session("guess_two_thirds", 6)
    rows = [{"model": "random", "seats": 2, "seed": 5}, {"model": "random", "share": 1, "seed": 6, "memory": "none"}]
    launch = server.launch(session, rows=rows, mix_seed=11)
    bots = server.wait_for_end(session)
    assert {bot["state"] for bot in bots} == {"finished"} and {bot["launch"] for bot in bots} == {launch}
    told = manifest(server, launch)
    first, second = told["rows"]
    assert (len(first["seats"]), len(second["seats"])) == (2, 4)
    assert sorted(first["seats"] + second["seats"]) == [1, 2, 3, 4, 5, 6] and first["seats"] != [1, 2]
    assert (first["parameters"]["memory"], second["parameters"]["memory"]) == ("full", "none")
    assert first["totals"]["calls"] + second["totals"]["calls"] == told["totals"]["calls"] > 0
    assert told["assignment"] == {"how": "random", "seed": 11, "over": ""}
    assert {seat["seat"]: seat["row"] for seat in told["seats"]} == {
        **dict.fromkeys(first["seats"], 1),
        **dict.fromkeys(second["seats"], 2),
    }
    again = server.launch(server.session("guess_two_thirds", 6), rows=rows, mix_seed=11)
    assert [row["seats"] for row in manifest(server, again)["rows"]] == [first["seats"], second["seats"]]
