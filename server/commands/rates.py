"""What one user may do only so often: joins, changes of nick and of the real name, invitations, away messages.

These limits are about what other people see. A person does not meet them; how many it may be is in the settings, section `rates`.
"""

from __future__ import annotations

from math import ceil

from server.commands.table import Context
from server.state.budget import Bucket, Pace


def seconds_to_wait(context: Context, action: str) -> int:
    """Whole seconds until the user may do `action` again (a field of `settings.limits.Rates`); 0: now, and it counts as done."""
    net, user = context.net, context.user
    if not net.limits.enabled:
        return 0
    pace = Pace.per_minute(getattr(net.settings.rates, action))
    now = context.at / 1000
    if user.rates is None:
        user.rates = {}
    bucket = user.rates.get(action)
    if bucket is None:
        # A client that connects goes back to all of its rooms, however many that may be.
        extra = net.limits.rooms_per_user if action == "joins" else 0
        bucket = user.rates[action] = Bucket(pace.burst + extra, now)
    if bucket.refill(pace, now) < 1:
        return ceil(bucket.wait(pace))
    bucket.charge(1)
    return 0
