"""The profile `observe`: Prometheus sees the server, and everything that the dashboard and the alarms ask it for."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compose.conftest import ROOT, Stack
from tests.compose.irc import Client

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

# What shows nothing before it has happened, or while nobody delivers: a quotient of two rates that are 0.
MAY_BE_EMPTY: set[str] = set()


def expressions() -> list[str]:
    dashboard = json.loads((ROOT / "deploy/observe/grafana/parley.json").read_text())
    return [
        target["expr"].replace("$__rate_interval", "1m") for panel in dashboard["panels"] for target in panel.get("targets", [])
    ]


class Prometheus:
    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1"

    def get(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self._api}/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return told["data"]

    def ask(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def eventually(self, expression: str, seconds: float = 90) -> list[dict[str, Any]]:
        """What an expression gives, once it gives anything."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self.ask(expression)
            except OSError:
                found = []
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.5)


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> Iterator[Prometheus]:
    stack.run("--profile", "observe", "up", "--detach", "--no-recreate", "--pull", "never", "prometheus")
    yield Prometheus(stack.prometheus_port)
    print(stack.run("logs", "--no-color", "--tail", "20", "prometheus"))
    stack.run("rm", "--stop", "--force", "prometheus")


def test_the_server_is_scraped_and_well(prometheus: Prometheus) -> None:
    assert prometheus.eventually('up{job="parley"} == 1')
    assert prometheus.eventually("parley_ready == 1")
    assert float(prometheus.eventually("sum(parley_connections)")[0]["value"][1]) >= 1  # the bots


@pytest.fixture
def talk(stack: Stack) -> Iterator[None]:
    """Somebody talks, and somebody listens."""
    over = threading.Event()

    def go_on(speaker: Client, listener: Client) -> None:
        while not over.wait(2):
            speaker.send("PRIVMSG #lobby :on and on")
            for client in (speaker, listener):  # which answers the server's PING, too
                client.synchronise()

    with Client(stack.address, stack.ca, "sam") as speaker, Client(stack.address, stack.ca, "lee") as listener:
        for client in (speaker, listener):
            client.send("JOIN #lobby")
            client.synchronise()
        thread = threading.Thread(target=go_on, args=(speaker, listener))
        thread.start()
        yield
        over.set()
        thread.join()


@pytest.mark.usefixtures("talk")
def test_every_query_of_the_dashboard_is_answered(prometheus: Prometheus) -> None:
    """While somebody talks, each of them finds something."""
    assert prometheus.eventually("rate(parley_deliveries_total[1m]) > 0")
    empty = [expression for expression in expressions() if not prometheus.eventually(expression, 20)]
    assert empty == sorted(MAY_BE_EMPTY)


def test_the_alarms_are_loaded_and_silent(prometheus: Prometheus) -> None:
    assert prometheus.eventually('up{job="parley"} == 1')
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 10
    assert [rule["name"] for rule in rules if rule["state"] == "firing" or rule["health"] == "err"] == []


def test_metrics_are_not_published(stack: Stack) -> None:
    stack.run("port", "server", "9167", status=1)
