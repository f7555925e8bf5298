"""Where the harness and Locust meet: options, events and messages. Everything else is called from here."""

from __future__ import annotations

import logging
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

import gevent
from locust import LoadTestShape, events, log
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, Runner, WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC

from loadtest import clock, progress, web
from loadtest.conductor import Conductor, in_words
from loadtest.generator import Generator
from loadtest.irc_user import IrcUser
from loadtest.options import add_arguments
from loadtest.results import BUG, ERRORS, PASSED
from loadtest.scenarios import SCENARIOS

SPAWN: Final = 100  # users a second that Locust starts at least; our gate spaces their connects, so it may be ahead of it


class _NoSpawnWarning(logging.Filter):
    """Locust warns above 100 users a second since it connects them in bursts; ours wait for their turn."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "spawn rate is very high" not in record.getMessage()


class Shape(LoadTestShape):
    """As many users as the scenario says, until the run time is over, which counts from when all of them are in."""

    use_common_options = True
    conductor: Conductor | None = None

    def tick(self) -> tuple[int, float] | None:
        conductor = type(self).conductor
        if conductor is None:
            return None
        if conductor.over():
            conductor.finish()  # before Locust takes its time to stop
            return None
        try:
            scenario = conductor.scenario()
        except Exception as why:  # one that gets out of here ends Locust's greenlet, and then nothing ends the run
            conductor.refuse(in_words(why))
            return None
        return scenario.users, max(SPAWN, scenario.settings.connect_rate)


def _on(hook: Any, listener: Callable[..., None]) -> None:
    """Locust's events carry no types."""
    hook.add_listener(listener)


def raise_descriptor_limit() -> None:
    """As many descriptors as the system lets this process have: Locust raises its limit to 10,000 only."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _on_parser(parser: LocustArgumentParser) -> None:
    add_arguments(parser, list(SCENARIOS))


def _on_init(environment: Environment, runner: Runner, **_: Any) -> None:
    if not isinstance(runner, WorkerRunner):
        _lead(environment, runner)
    if not isinstance(runner, MasterRunner):
        _follow(environment, runner)


def _end_by_signal() -> None:
    """SIGTERM and SIGINT end the run in the main greenlet, and there only.

    Python runs a handler in whatever is running: one that raised there would end the reactor as well, in the middle of what it
    had read.
    """
    loop, main = gevent.get_hub().loop, gevent.getcurrent()

    def handle(*_: Any) -> None:
        loop.run_callback(main.throw, KeyboardInterrupt)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _lead(environment: Environment, runner: Runner) -> None:
    conductor = Shape.conductor = Conductor(environment)
    options = environment.parsed_options
    assert options is not None
    try:
        scenario = conductor.scenario()
        options.num_users = scenario.users
        options.spawn_rate = scenario.settings.connect_rate
        options.scenario = scenario.settings.scenario  # as the form of the web page shows it
    except Exception as why:
        if options.headless or options.autostart:
            print(f"parley: {in_words(why)}", file=sys.stderr)
            sys.exit(ERRORS)
    if options.headless:
        # Until a run with a shape is over, Locust has no handler of its own: `docker stop` would throw the results away.
        _end_by_signal()
    fired, listen = environment.events, runner.register_message
    clock.install(runner)
    listen("parley-row", lambda environment, msg: conductor.heard_row(msg.node_id, msg.data))
    listen("parley-standing", lambda environment, msg: conductor.heard_standing(msg.node_id, msg.data))
    listen("parley-sent", lambda environment, msg: conductor.heard_sent(msg.node_id, msg.data))
    listen("parley-drained", lambda environment, msg: conductor.heard_report(msg.node_id, msg.data))
    listen("parley-refused", lambda environment, msg: conductor.refuse(msg.data))

    def quitting(environment: Environment, **_: Any) -> None:
        if environment.runner is not None:
            environment.runner.stop()  # where it is stopped by a signal; else it has been
        if options.csv_prefix:
            gevent.sleep(CSV_STATS_INTERVAL_SEC * 1.2)  # Locust writes its CSV once a second, and not once more at the end
        if conductor.exit_code or conductor.result is not None:
            # Locust's own would be 1 wherever its table shows a failure, also one that the objectives allow.
            own = BUG if log.unhandled_greenlet_exception else ERRORS if runner.exceptions else PASSED
            environment.process_exit_code = conductor.exit_code or own

    def summary(**_: Any) -> None:
        for line in conductor.summary():
            print(line, flush=True)

    if environment.web_ui is not None:
        web.install(environment, conductor)
    if options.headless:
        progress.install(environment, conductor)
    _on(fired.test_start, lambda environment, **_: conductor.begin())
    _on(fired.test_stopping, lambda environment, **_: conductor.finish())
    _on(fired.quitting, quitting)
    if options.headless:
        _on(fired.quit, summary)
    else:
        _on(fired.test_stop, summary)


def _follow(environment: Environment, runner: Runner) -> None:
    generator = IrcUser.generator = Generator(environment)

    def start(**_: Any) -> None:
        try:
            generator.start()
        except Exception as why:
            runner.send_message("parley-refused", in_words(why))

    def stop(environment: Environment, msg: Any) -> None:
        runner.send_message("parley-sent", generator.stop())

    def drain(environment: Environment, msg: Any) -> None:
        report = generator.drain(msg.data)
        if isinstance(runner, WorkerRunner):
            runner._send_stats()  # in front of our report, on the same connection
        runner.send_message("parley-drained", report)

    listen = runner.register_message
    if isinstance(runner, WorkerRunner):
        clock.install(runner)
    listen("parley-plan", lambda environment, msg: generator.plan(msg.data))
    listen("parley-go", lambda environment, msg: generator.go(**msg.data))
    listen("parley-stop", stop, concurrent=not isinstance(runner, LocalRunner))
    listen("parley-drain", drain, concurrent=not isinstance(runner, LocalRunner))
    _on(environment.events.test_start, start)
    _on(environment.events.test_stop, lambda **_: generator.close())


def install() -> None:
    """Called once, by the locustfile, when Locust loads it."""
    raise_descriptor_limit()
    logging.getLogger("locust.runners").addFilter(_NoSpawnWarning())
    _on(events.init_command_line_parser, _on_parser)
    _on(events.init, _on_init)
