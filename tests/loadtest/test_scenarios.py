"""Who does what in a scenario."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from loadtest.options import Settings
from loadtest.pacing import NEVER, SECOND, Load
from loadtest.scenarios import SCENARIOS, Scenario, nick_for

LOAD = Load([(10, 1.0, 1.0)])


def make(name: str, **options: Any) -> Scenario:
    return SCENARIOS[name](Settings(scenario=name, **options), "abc")


def times(scenario: Scenario, users: Any) -> list[int]:
    schedules = [s for s in (scenario.schedule(n, 0, LOAD) for n in users) if s is not None]
    return sorted(s.due(n) for s in schedules for n in range(s.count(NEVER)))


def test_room_deals_users_evenly_and_some_of_each_room_talk() -> None:
    room = make("room", rooms=3, members=5, senders=2, rate=10)
    parts = [room.part(n) for n in range(room.users)]
    assert Counter(p.room for p in parts) == {"#labc-0": 5, "#labc-1": 5, "#labc-2": 5}
    assert Counter(p.to for p in parts if p.to) == {"#labc-0": 2, "#labc-1": 2, "#labc-2": 2}
    assert [room.schedule(n, 0, LOAD) is not None for n in range(room.users)] == [bool(p.to) for p in parts]


def test_a_room_gets_its_rate_however_many_talk() -> None:
    for senders in (1, 3, 99):
        room = make("room", rooms=2, members=4, senders=senders, rate=12)
        due = times(room, range(0, room.users, 2))
        assert len(due) == 120
        assert due[-1] < 10 * SECOND


def test_every_message_reaches_the_others() -> None:
    assert make("room", rooms=2, members=4).reach(1) == 3
    assert make("room", rooms=2, members=4, caps="echo-message server-time").reach(1) == 4
    assert make("room", rooms=2, members=4, rate=5).deliveries() == 2 * 5 * 3
    assert make("ramp").deliveries() == 0


def test_ramp_is_silent() -> None:
    ramp = make("ramp", connections=7)
    assert ramp.users == 7
    assert (ramp.part(3).room, ramp.reach(3)) == ("", 0)
    assert ramp.schedule(3, 0, LOAD) is None


def test_dm_is_between_two() -> None:
    dm = make("dm", pairs=3, rate=4)
    asks, answers = dm.part(2), dm.part(3)
    assert (asks.room, asks.to, asks.does, asks.group) == (nick_for("abc", 2), nick_for("abc", 3), "stay", "rtt")
    assert (answers.room, answers.to, answers.does, answers.group) == (asks.to, asks.room, "answer", "")
    assert len(times(dm, range(dm.users))) == 3 * 4 * 10
    assert dm.schedule(3, 0, LOAD) is None
    assert (dm.users, dm.reach(0), dm.deliveries()) == (6, 1, 24)


def test_churn_has_visitors_besides_its_members() -> None:
    churn = make("churn", rooms=2, members=3, visitors=8, visit_rate=2)
    assert churn.users == 14
    assert [churn.part(n).does for n in range(14)] == ["stay"] * 6 + ["visit"] * 8
    assert len(times(churn, range(6, 14))) == 20
    assert churn.reach(7) == 3  # those who stay: visitors are not counted
    assert churn.reach(0) == 2


def test_visitors_come_no_more_often_than_they_can() -> None:
    churn = make("churn", visitors=3, visit_rate=100, visit_seconds=2)
    assert len(times(churn, range(churn.users - 3, churn.users))) == 10
    assert "1 visits/s" in churn.describe()


def test_mixed_is_made_of_percentages() -> None:
    mixed = make("mixed", rooms=4, members=50, chat=8, churn=2)
    parts = [mixed.part(n) for n in range(mixed.users)]
    assert mixed.users == 200
    assert Counter(p.does for p in parts) == {"stay": 196, "visit": 4}
    assert sum(bool(p.to) for p in parts if p.does == "stay") == 4 * 4
    assert make("mixed", rooms=2, members=3, chat=0, churn=100).schedule(0, 0, LOAD) is not None  # somebody always talks


def test_storm_drops_those_who_listen_first() -> None:
    storm = make("storm", rooms=2, members=5, senders=1, storm_share=60)
    assert [storm.part(n).does for n in range(10)] == ["stay"] * 4 + ["comeback"] * 6
    assert {storm.part(n).group for n in range(4)} == {"healthy"}
    assert "at once" in storm.describe()
    assert "within 2 s, TLS resumed" in make("storm", storm_jitter=2, resume=True).describe()


def test_slow_readers_are_never_senders() -> None:
    slow = make("slow", rooms=2, members=4, senders=1, slow_share=25)
    assert [slow.part(n).does for n in range(8)] == ["stay"] * 6 + ["slow"] * 2
    assert slow.reach(0) == 2
    assert "read nothing" in slow.describe()
    everyone = make("slow", rooms=2, members=4, senders=3, slow_share=100, slow_rate=50)
    assert Counter(everyone.part(n).does for n in range(8)) == {"stay": 6, "slow": 2}
    assert "read 50 bytes/s" in everyone.describe()


def test_hostile_connections_come_besides_the_members() -> None:
    hostile = make("hostile", rooms=1, members=3, hostile=2)
    parts = [hostile.part(n) for n in range(hostile.users)]
    assert Counter(p.kind for p in parts) == {"": 3, "half-tcp": 2, "half-tls": 2, "drip": 2, "flood": 2, "mute": 2}
    assert hostile.reach(0) == 2


def test_only_the_knee_searches() -> None:
    assert [name for name, kind in SCENARIOS.items() if kind.searches] == ["knee"]


@pytest.mark.parametrize("number", [0, 35, 36, 1_600_000])
def test_nicks_are_short_enough_for_every_server(number: int) -> None:
    assert len(nick_for("abcdef", number)) <= 9
