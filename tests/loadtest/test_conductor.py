"""The conductor, without users: how it ends, and what it does when something goes wrong. What it leads to: test_harness."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loadtest.running import needs_locust, probe

pytestmark = needs_locust


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return probe("conductor_probe")


def test_a_stop_while_the_run_drains_waits_for_the_results(found: dict[str, Any]) -> None:
    """Though Locust kills the greenlet that began to finish."""
    assert found["stopped"] == {"waits": True, "result": True, "asked": 1}


def test_a_run_without_a_result_has_failed(found: dict[str, Any]) -> None:
    assert found["no result"]["code"] == 1
    assert "before its results were added up" in found["no result"]["summary"][0]


@pytest.mark.parametrize(
    ("what", "sentence"), [("refused", "No."), ("bug", "The run cannot begin: ValueError: a\N{REPLACEMENT CHARACTER}b.")]
)
def test_whatever_goes_wrong_at_the_start_is_a_refusal(found: dict[str, Any], what: str, sentence: str) -> None:
    """Else the run never ends."""
    assert found[what] == {"over": True, "refusal": sentence, "code": 1, "state": "refused"}


def test_a_worker_that_died_is_not_waited_for(found: dict[str, Any]) -> None:
    assert found["dead"] == {"before": 0, "after": 1, "over": False}
    assert found["dead in a search"] == {"before": 0, "after": 1, "over": True}
    assert found["busy"] == {"before": 0, "after": 0, "over": False}


def test_users_go_to_workers_in_the_order_that_locust_has(found: dict[str, Any]) -> None:
    assert found["order"]["counts"] == [2, 2, 1, 1, 1]
