"""Which worker has which users: Locust deals them out in turn, and the numbers of a scenario's users follow. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from loadtest.scenarios import Scenario


def dealt(workers: Iterable[str]) -> list[str]:
    """The workers in the order in which Locust gives each a user: the first of each host, then the second of each, ...

    Where users do not go evenly into workers, the first ones get one more: the worker in place n has the users n, n + workers, ...
    """
    of_host: Counter[str] = Counter()
    places = []
    for worker in sorted(workers):
        host = worker.split("_")[0]
        places.append((of_host[host], worker))
        of_host[host] += 1
    return [worker for _, worker in sorted(places)]


def holders(scenario: Scenario, workers: Sequence[str]) -> Callable[[str], int]:
    """By the name of a channel, the places (bits) of the workers that have users who stay in it for all of the run.

    None where there is only one worker.
    """
    found: dict[str, int] = {}
    for number in range(scenario.users) if len(workers) > 1 else ():
        part = scenario.part(number)
        if part.room[:1] in ("#", "&") and part.does == "stay":
            found[part.room] = found.get(part.room, 0) | 1 << number % len(workers)
    return lambda room: found.get(room, 0)
