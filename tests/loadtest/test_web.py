"""Our part of Locust's web page: without Locust, then in the real one while a run goes on."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest
from flask import Blueprint, Flask, Response, jsonify
from flask.testing import FlaskClient

from loadtest import web
from loadtest.report import Unreadable
from loadtest.tabs import TABS
from tests.loadtest.lives import live
from tests.loadtest.running import ROOT, needs_locust, tiny


class Source:
    def __init__(self) -> None:
        self.result: dict[str, Any] | None = None
        self.refusal = ""

    def live(self) -> dict[str, Any]:
        return live()


def page(source: Source, base: str | None = None) -> tuple[FlaskClient, dict[str, Any]]:
    """A page like Locust's with our part in it, and what its first page is made of."""
    app = Flask(__name__)
    locust = Blueprint("locust", __name__, url_prefix=base)

    @locust.route("/stats/requests")
    def request_stats() -> Response:
        return jsonify({"state": "running"})

    @locust.route("/other")
    def other() -> Response:
        return jsonify({"state": "running"})

    app.register_blueprint(locust)
    arguments: dict[str, Any] = {}
    asked: list[Callable[[], Response]] = []

    def auth(view: Callable[[], Response]) -> Callable[[], Response]:
        asked.append(view)
        return view

    ui = SimpleNamespace(app=app, template_args=arguments, auth_required_if_enabled=auth)
    web.install(SimpleNamespace(web_ui=ui, parsed_options=SimpleNamespace(web_base_path=base)), source)
    assert len(asked) == 2  # whoever must log in for the page must for our files too
    return app.test_client(), arguments


def test_the_rows_of_all_tabs_come_with_the_figures() -> None:
    client, arguments = page(Source())
    found = client.get("/stats/requests").get_json()
    assert found["state"] == "running"
    keys = [of["key"] for of in found["extended_stats"]]
    assert keys == [of["key"] for of in arguments["extended_tabs"]] == [of["key"] for of in arguments["extended_tables"]]
    assert len(keys) == len(TABS)
    assert all(of["data"] for of in found["extended_stats"])
    assert client.get("/other").get_json() == {"state": "running"}


def test_there_is_nothing_to_have_before_a_run_has_ended() -> None:
    client, _ = page(Source())
    for name in ("results.json", "report.html"):
        answer = client.get(f"/parley/{name}")
        assert (answer.status_code, answer.text) == (404, web.NO_RUN)


@pytest.mark.parametrize("base", [None, "/load"])
def test_results_and_report_of_the_last_run(monkeypatch: pytest.MonkeyPatch, base: str | None) -> None:
    made: list[Any] = []

    def render(result: dict[str, Any]) -> str:
        made.append(result)
        return f"<!doctype html>{result['run']}"

    monkeypatch.setattr(web, "render", render)
    source = Source()
    source.result = {"version": 1, "run": "ü"}
    client, arguments = page(source, base)
    at = [f"{base or ''}/{of['href'].removeprefix('./')}" for of in arguments["extended_csv_files"]]
    report, results = client.get(at[0]), client.get(at[1])
    assert results.get_json() == source.result
    assert results.headers["Content-Disposition"] == "attachment; filename=results.json"
    assert client.get(at[0]).text == report.text == "<!doctype html>ü"
    assert report.headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert len(made) == 1
    source.result = {"version": 1, "run": "next"}
    assert client.get(at[0]).text == "<!doctype html>next"


def test_results_that_make_no_report_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def render(result: dict[str, Any]) -> str:
        raise Unreadable("It is not.")

    monkeypatch.setattr(web, "render", render)
    source = Source()
    source.result = {}
    answer = page(source)[0].get("/parley/report.html")
    assert (answer.status_code, answer.text) == (500, "It is not.\n")


def fetch(address: str) -> tuple[int, str, Message]:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode(), answer.headers


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """What it gives as soon as that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := what():
                return found
        except OSError:  # nobody listens yet
            pass
        time.sleep(0.1)
    raise AssertionError("it never was")


@needs_locust
def test_the_real_page_while_a_run_goes_on_and_after_it(certificates: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with tiny(certificates) as server, open(tmp_path / "log", "w+") as log:
        options = ["--host", server.text, "--ca", str(certificates / "ca.pem"), "--rooms", "1", "--members", "3", "-t", "4s"]
        more = ["--autostart", "--web-host", "127.0.0.1", "--web-port", str(port), "--server-pid", str(server.pid)]
        command = [sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py", *options, *more]
        with subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL) as locust:
            try:

                def rows(tab: str) -> dict[str, dict[str, str]]:
                    stats = json.loads(fetch(f"{base}/stats/requests")[1])["extended_stats"]
                    return {r["what"]: r for of in stats if of["key"] == f"parley-{tab}" for r in of["data"]}

                assert "parley-delivery" in until(lambda: fetch(f"{base}/")[1])
                until(lambda: rows("delivery")["Deliveries"]["now"] not in ("–", "0/s"))
                assert rows("connections")["Users that are in"]["count"] == "3 of 3"
                until(lambda: "Server: CPU" in rows("health"))
                until(lambda: fetch(f"{base}/parley/results.json")[0] == 200)
                result = json.loads(fetch(f"{base}/parley/results.json")[1])
                assert result["ledger"]["lost"] == 0
                assert until(lambda: rows("objectives").get("The run"))["verdict"] == result["verdict"]
                status, html, headers = fetch(f"{base}/parley/report.html")
                assert status == 200
                assert html.startswith("<!doctype html>")
                assert "sandbox" in headers["Content-Security-Policy"]
                for path in ("..%2f..%2fetc%2fpasswd", "../../pyproject.toml", "results.json/x", ""):
                    assert fetch(f"{base}/parley/{path}")[0] == 404
                locust.terminate()
                locust.wait(60)
            finally:
                locust.kill()
        log.seek(0)
        assert "Traceback" not in log.read()
