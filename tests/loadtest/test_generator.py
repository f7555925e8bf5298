"""What a generator does where no server is needed for it. All else: test_harness."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loadtest.running import needs_locust, probe

pytestmark = needs_locust


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return probe("generator_probe")


def test_a_server_with_a_new_sentence_for_each_error_fills_no_memory(found: dict[str, Any]) -> None:
    assert found["errors"]["different"] < 300
    assert found["errors"]["others"] == 1000 - 256


def test_errors_that_a_figure_counts_are_known_as_such(found: dict[str, Any]) -> None:
    assert found["errors"]["excusable"] == {"connect.fail": {"tls: others": 1}, "visit.fail": {"join: others": 1}}


def test_nobody_takes_a_number_beyond_the_last(found: dict[str, Any]) -> None:
    """Locust spawns the users of a worker that died on the others."""
    assert found["admitted"] == [1, None, None]


def test_what_was_to_happen_after_the_stop_does_not(found: dict[str, Any]) -> None:
    assert found["stopping"] == {"timers": 2, "storms": 0, "phases": 0}


def test_the_waiting_goes_on_while_receipts_come_in(found: dict[str, Any]) -> None:
    assert found["drained"] == 20


def test_what_nothing_later_came_of_is_the_tail_of_the_losses(found: dict[str, Any]) -> None:
    assert found["report"] == {"lost": 3, "tail": 2}


def test_a_row_says_what_was_in_its_second_only(found: dict[str, Any]) -> None:
    (groups, late), (then, then_late) = found["rows"]
    assert [sum(groups[name].values()) for name in ("deliver.healthy", "rtt")] == [1, 3]
    assert 240 < late < 260
    assert (then, then_late) == ({}, 0.0)
