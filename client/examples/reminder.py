"""Reminders for people and rooms.

    <ann>      !remind me in 10m look at the oven
    <reminder> ann: reminder 1, at 12:10.
    <ann>      !remind #dev at 17:30 the build is frozen
    <ann>      !reminders
    <ann>      !forget 1

What is due while the bot is not running is said when it is back, with the time at which it was due. `me` is told in private, and
where you are not there, when you come into one of the bot's rooms. Another room has to be one of the bot's. Reminders belong to an
account, or to a nick where somebody is not logged in.
"""

import re
import sys
from datetime import datetime, timedelta
from typing import Any

from client import Bot, Call, Join
from client.bot.timers import time_of_day, until
from client.events import Event, NotSent, Said

MOST = 20  # reminders that one person may have
MOST_OF_ALL = 2000
LONGEST = timedelta(days=366)
LATE = timedelta(minutes=1)
LONGEST_TEXT = 240  # bytes: what is said has to fit one message
LOOK = 600.0  # seconds
RETRY = 10.0
USAGE = "!remind me|#room in 10m|2h30m|3d TEXT, or !remind me|#room at 17:30 TEXT"

_FORM = re.compile(r"(?P<whom>me|#\S+) +(?:(?P<how>in|at) +)?(?P<when>\S+) +(?P<text>.+)", re.IGNORECASE | re.DOTALL)
_SPAN = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?", re.IGNORECASE)

bot = Bot("reminder", rooms=["#lobby"])
being_said: dict[str, str] = {}  # text -> the reminder's number, until the server has stored it


@bot.command("remind", help=USAGE, missed=True)
def remind(call: Call) -> str:
    """Takes a reminder."""
    form = _FORM.fullmatch(call.text)
    if form is None:
        return f"{call.nick}: {USAGE}"
    room = "" if form["whom"].lower() == "me" else form["whom"]
    if room and room.lower() not in {r.lower() for r in bot.rooms}:
        return f"{call.nick}: I am not in {room}, only in {', '.join(bot.rooms)}."
    due = _due(form["how"] or "in", form["when"], call.at or bot.now())
    if due is None:
        return f"{call.nick}: {form['when']!r} is no time: {USAGE}"
    text = " ".join(form["text"].split())
    if len(text.encode()) > LONGEST_TEXT:
        return f"{call.nick}: that is too long to be said at once."
    if len(mine(call)) >= MOST or len(reminders()) >= MOST_OF_ALL:
        return f"{call.nick}: that is too many; !reminders lists yours, !forget NUMBER drops one."
    number = bot.state.get("number", 0) + 1
    bot.state["number"] = number
    reminder = {"owner": call.who, "nick": call.nick, "room": room, "text": text, "due": due.isoformat()}
    reminders()[str(number)] = reminder
    plan(str(number), reminder)
    return f"{call.nick}: reminder {number}, {_when(due)}."


@bot.command("reminders", help="!reminders", cooldown=2)
def listing(call: Call) -> str:
    """Somebody's reminders."""
    theirs = mine(call)
    listed = [
        f"{n}: {_when(_due_of(r))} {r['room']}".rstrip() + (f" {r['text'][:40]}" if call.private else "") for n, r in theirs.items()
    ]
    return f"{call.nick}: " + ("; ".join(listed) or "none")


@bot.command("forget", help="!forget NUMBER", missed=True)
def forget(call: Call) -> str:
    """Drops one."""
    number = call.text.removeprefix("#")
    if number not in mine(call):
        return f"{call.nick}: you have no reminder {number[:10]!r}; !reminders lists yours."
    del reminders()[number]
    return f"{call.nick}: forgotten."


@bot.ready
def resume() -> None:
    """After a start: everything is planned again; what is overdue is said at once."""
    for number, reminder in reminders().items():
        plan(number, reminder)


def plan(number: str, reminder: dict[str, Any]) -> None:
    """Have it said in time. (Looked at now and then: a computer that sleeps stops the clock that timers follow.)"""
    seconds = (_due_of(reminder) - bot.now()).total_seconds()
    bot.after(min(max(0.0, seconds), LOOK), lambda: tell(number))


def tell(number: str) -> None:
    """Says a reminder that is due, if it is still wanted."""
    reminder = reminders().get(number)
    if reminder is None:
        return
    late = bot.now() - _due_of(reminder)
    note = f" (this was due {_when(_due_of(reminder))}, when I was away)" if late > LATE else ""
    text = f"{reminder['nick']}: {reminder['text']}{note}"
    if late < timedelta():
        plan(number, reminder)
    elif bot.say(reminder["room"] or reminder["nick"], text):
        being_said[text] = number
    else:
        bot.after(RETRY, lambda: tell(number))


@bot.event
def done(event: Event) -> None:
    """A reminder is dropped when the server has stored it; until then it would be said again after a restart."""
    if isinstance(event, Said) and event.own and event.text in being_said:
        reminders().pop(being_said.pop(event.text), None)
    elif isinstance(event, NotSent) and event.text in being_said:
        del being_said[event.text]  # they are not here: `back` tells them


@bot.join
def back(join: Join) -> None:
    """Somebody is here again: what could not be said to them is."""
    for number, reminder in list(reminders().items()):
        if not reminder["room"] and reminder["nick"].lower() == join.nick.lower() and number not in being_said.values():
            tell(number)


def reminders() -> dict[str, Any]:
    """All, by number."""
    found: dict[str, Any] = bot.state.setdefault("reminders", {})
    return found


def mine(call: Call) -> dict[str, Any]:
    """Those of the person who calls."""
    return {number: reminder for number, reminder in reminders().items() if reminder["owner"] == call.who}


def _due(how: str, when: str, said: datetime) -> datetime | None:
    """When a reminder is due that was asked for at a time; None where that is no time, or too far away."""
    said = said.astimezone(bot.now().tzinfo)
    if how.lower() == "at":
        try:
            return said + timedelta(seconds=until(time_of_day(when), said))
        except ValueError:
            return None
    span = _SPAN.fullmatch(when)
    days, hours, minutes, seconds = (int(part or 0) for part in span.groups()) if span else (0, 0, 0, 0)
    after = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return said + after if timedelta() < after <= LONGEST else None


def _due_of(reminder: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(reminder["due"])


def _when(due: datetime) -> str:
    day = "" if due.date() == bot.now().date() else f"on {due.day} {due:%B} "
    return f"{day}at {due:%H:%M}"


if __name__ == "__main__":
    sys.exit(bot.main())
