"""Locust's master and worker with nothing but our clock: `python -m tests.loadtest.clock_pair master | worker PORT`.

The master prints its port, waits for one worker, measures twice, and prints what it found, as JSON.
"""

import locust  # noqa: F401  first: it patches the standard library

# isort: split
import json
import sys

import gevent
from locust.env import Environment

from loadtest import clock


def master() -> None:
    runner = Environment().create_master_runner("127.0.0.1", 0)
    clock.install(runner)
    print(runner.server.port, flush=True)
    while not runner.clients.ready:
        gevent.sleep(0.02)
    workers = [client.id for client in runner.clients.ready]
    start = clock.measure(runner, workers)
    offsets = start.with_end(clock.measure(runner, workers))
    print(json.dumps(offsets.to_dict() | {"found": dict(offsets.offset_us), "silent": offsets.silent}), flush=True)
    runner.quit()


def worker(port: int) -> None:
    runner = Environment().create_worker_runner("127.0.0.1", port)
    clock.install(runner)
    runner.greenlet.join()


if __name__ == "__main__":
    if sys.argv[1] == "master":
        master()
    else:
        worker(int(sys.argv[2]))
