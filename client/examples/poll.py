"""A poll in each room: one vote a person, and it closes by itself.

    <ann>  !poll Lunch on Friday? soup, salad, pizza
    <poll> Lunch on Friday? 1 soup, 2 salad, 3 pizza: !vote NUMBER, in the next 10 minutes.
    <bob>  !vote 3
    <ann>  !results
    <poll> Lunch on Friday? pizza 1, soup 0, salad 0 (1 vote, closes in 9 minutes)

A vote can be changed, and `!vote` works in private too (`vote #lobby 3`). One vote is an account's, or a nick's where somebody is
not logged in. Polls outlive a restart, and count what was voted while the connection was lost.
"""

import sys
from typing import Any

from client import Bot, Call

MINUTES = 10.0
MOST_CHOICES = 10
MOST_VOTES = 5000
LONGEST = 200  # characters of a question with its choices
RETRY = 10.0  # seconds

bot = Bot("poll", rooms=["#lobby"])


@bot.command("poll", help="!poll question? a, b, c", where="rooms", cooldown=2)
def start(call: Call) -> str:
    """Opens a poll."""
    question, mark, rest = call.text.partition("?")
    choices = list(dict.fromkeys(choice.strip() for choice in rest.split(",") if choice.strip()))
    if call.room.lower() in bot.state:
        return f"One poll at a time. {results(call)}"
    if not mark or not 2 <= len(choices) <= MOST_CHOICES or len(call.text) > LONGEST:
        return f"{call.nick}: a question, and 2 to {MOST_CHOICES} choices, as in !poll Tea? black, green, none"
    poll = {
        "room": call.room,
        "by": call.who,
        "question": f"{question.strip()}?",
        "choices": choices,
        "votes": {},
        "closes": now() + MINUTES * 60,
    }
    bot.state[call.room.lower()] = poll
    plan(poll)
    listed = ", ".join(f"{number} {choice}" for number, choice in enumerate(choices, 1))
    return f"{poll['question']} {listed}: !vote NUMBER, in the next {MINUTES:g} minutes."


@bot.command("vote", help="!vote NUMBER", missed=True)
def vote(call: Call) -> str | None:
    """Takes a vote, or another one from the same person."""
    words = call.words
    room = words.pop(0) if call.private and len(words) > 1 else call.room
    poll = bot.state.get(room.lower())
    if poll is None:
        return f"There is no poll in {room}." if not call.private else "Tell me where: vote #room NUMBER"
    number = int(words[0]) if words and words[0].isascii() and words[0].isdecimal() and len(words[0]) < 4 else 0
    if not 1 <= number <= len(poll["choices"]):
        return f"{call.nick}: a number from 1 to {len(poll['choices'])}."
    if len(poll["votes"]) >= MOST_VOTES and call.who not in poll["votes"]:
        return "No more votes are counted."
    poll["votes"][call.who] = number
    return f"Counted: {poll['choices'][number - 1]}" if call.private else None  # in a room, the results say it


@bot.command("results", help="!results", where="rooms", cooldown=5)
def results(call: Call) -> str:
    """How the poll stands."""
    poll = bot.state.get(call.room.lower())
    if poll is None:
        return "There is no poll here: !poll question? a, b, c"
    minutes = max(1, round((poll["closes"] - now()) / 60))
    return f"{standing(poll)}, closes in {minutes} minute{'s' * (minutes != 1)})"


@bot.command("close", help="!close (who opened the poll)", where="rooms")
def close_early(call: Call) -> str | None:
    """Ends a poll before its time."""
    poll = bot.state.get(call.room.lower())
    if poll is None or call.who != poll["by"]:
        return f"{call.nick}: there is no poll of yours here."
    close(poll)
    return None


@bot.ready
def resume() -> None:
    """After a start: the polls of last time go on, or are over."""
    for poll in list(bot.state.values()):
        plan(poll)


def now() -> float:
    """Seconds since 1970."""
    return bot.now().timestamp()


def plan(poll: dict[str, Any]) -> None:
    """Have a poll close in time."""
    bot.after(max(0.0, poll["closes"] - now()), lambda: close(poll))


def close(poll: dict[str, Any]) -> None:
    """Says how it ended, once; where that cannot be said now, a little later."""
    key = poll["room"].lower()
    if bot.state.get(key) is not poll:
        return
    if bot.say(poll["room"], f"The poll is over. {standing(poll)})"):
        del bot.state[key]
    else:
        bot.after(RETRY, lambda: close(poll))


def standing(poll: dict[str, Any]) -> str:
    """The choices, the most wanted first."""
    votes = list(poll["votes"].values())
    counted = sorted(((votes.count(number), choice) for number, choice in enumerate(poll["choices"], 1)), key=lambda c: -c[0])
    listed = ", ".join(f"{choice} {count}" for count, choice in counted)
    return f"{poll['question']} {listed} ({len(votes)} vote{'s' * (len(votes) != 1)}"


if __name__ == "__main__":
    sys.exit(bot.main())
