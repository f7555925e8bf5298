"""Which worker has which users."""

from __future__ import annotations

from loadtest.options import Settings
from loadtest.scenarios import SCENARIOS
from loadtest.scenarios.churn import Churn
from loadtest.workers import dealt, holders


def test_users_are_dealt_to_the_first_of_each_host_then_to_the_second() -> None:
    assert dealt(["b_9", "a_5", "a_1", "c_2", "a_3"]) == ["a_1", "b_9", "c_2", "a_3", "a_5"]


def test_holders_of_a_room_are_the_workers_with_members_that_stay() -> None:
    churn = Churn(Settings(scenario="churn", rooms=2, members=2, visitors=3), "abc")
    of = holders(churn, ["w0", "w1", "w2"])  # users 0 to 3 stay, and are in the rooms 0, 1, 0, 1
    assert (of(churn.name_of(0)), of(churn.name_of(1)), of("#elsewhere")) == (0b101, 0b011, 0)
    assert holders(churn, ["local"])(churn.name_of(0)) == 0
    dm = SCENARIOS["dm"](Settings(scenario="dm"), "abc")
    assert holders(dm, ["w0", "w1"])(dm.part(0).room) == 0
