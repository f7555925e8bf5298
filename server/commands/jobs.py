"""Work that is too slow for the lock: a command leaves it, and is finished when the result is there.

The handler calls `later`. The worker that owns the connection gives the work to the pool, holds the session's next commands back,
and calls `resume` with the result, under the lock and at a time from outside: to the state it is one more command. So chance and
slow arithmetic happen in the work, and what is executed stays deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from server.commands.table import Context, answered
from server.state.model import Network, User
from wire.message import Message


class Busy:
    """The result where the pool took no more work."""


@dataclass(slots=True, eq=False)
class Slow:
    """A job (`server.state.model.Job`), and the command that waits for it."""

    work: Callable[[], Any]
    done: Callable[[Context, Any], None]
    busy: Callable[[Context], None]
    message: Message
    label: str


def later(context: Context, work: Callable[[], Any], done: Callable[[Context, Any], None], busy: Callable[[Context], None]) -> None:
    """Have `work` done away from the lock; then `done` is called with its result, or `busy` where there is too much to do."""
    user = context.user
    user.job = Slow(work, done, busy, context.message, user.label)


def resume(net: Network, user: User, result: Any, at: int) -> None:
    """Finish the command that `user.job` belongs to. The state lock is held."""
    job = user.job
    assert isinstance(job, Slow)
    user.job = None
    context = Context(net, user, job.message, at)

    def finish() -> None:
        if isinstance(result, Busy):
            job.busy(context)
        else:
            job.done(context, result)

    answered(net, user, job.label, finish)
