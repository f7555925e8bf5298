"""Who does what in a scenario."""

from __future__ import annotations

from collections import Counter

from loadtest.options import Settings
from loadtest.pacing import SECOND
from loadtest.scenarios import SCENARIOS


def test_room_deals_users_evenly_and_some_of_each_room_talk() -> None:
    room = SCENARIOS["room"](Settings(rooms=3, members=5, senders=2, rate=10), "abc")
    parts = [room.part(n) for n in range(room.users)]
    assert Counter(p.room for p in parts) == {"#labc-0": 5, "#labc-1": 5, "#labc-2": 5}
    assert Counter(p.room for p in parts if p.rank >= 0) == {"#labc-0": 2, "#labc-1": 2, "#labc-2": 2}


def test_a_room_gets_its_rate_however_many_talk() -> None:
    for senders in (1, 3, 99):
        room = SCENARIOS["room"](Settings(rooms=2, members=4, senders=senders, rate=12), "abc")
        schedules = [s for s in (room.schedule(n, 0) for n in range(0, room.users, 2)) if s is not None]
        times = [s.due(n) for s in schedules for n in range(200) if s.due(n) < 10 * SECOND]
        assert len(times) == 120


def test_ramp_is_silent() -> None:
    ramp = SCENARIOS["ramp"](Settings(connections=7), "abc")
    assert ramp.users == 7
    assert ramp.part(3).room == ""
    assert ramp.schedule(3, 0) is None


def test_every_scenario_describes_itself() -> None:
    for kind in SCENARIOS.values():
        assert kind(Settings(), "abc").describe()
