"""A conversation between a person at somebody else's client and one at ours, and what the first is to see of it.

The clients differ in how they show things; what there is to show is the same. So the conversation stands here once, and each
client's test brings a `Look`: patterns of rows on its screen, to be filled in with `format`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.e2e.irc import Client
from tests.e2e.process import ServerProcess, bare, python, serving
from tests.e2e.screen import Screen

SNOW = "☃ größer als 雪"
PASSWORD = "sesame"


class Look(NamedTuple):
    """How a client shows what happened."""

    said: str  # nick, text
    acted: str
    topic: str
    renamed: str  # old, new
    self_renamed: str  # new
    kicked: str  # by, reason
    list_names: str  # what to enter for the list of who is here; "" where it is always to be seen
    names: tuple[str, ...]  # what is to be seen of it
    to_room: str  # what to enter to see the room
    to_private: str  # what to enter to see the private conversation with `nick`


def talk(screen: Screen, look: Look, ian: Client) -> None:
    """`ada` (at the screen) and `ian` (an operator of #lobby) are both in it: what one says and does, the other sees."""
    ian.say("#lobby", f"hello ada {SNOW}")
    screen.shows(look.said.format(nick="ian", text=f"hello ada {SNOW}"))
    screen.enter(f"hello ian {SNOW}")
    heard = ian.until("PRIVMSG")
    assert (heard.nick, heard.text) == ("ada", f"hello ian {SNOW}")
    screen.shows(look.said.format(nick="ada", text=f"hello ian {SNOW}"))

    screen.enter("/me waves")
    assert ian.until("PRIVMSG").text == "\x01ACTION waves\x01"
    screen.shows(look.acted.format(nick="ada", text="waves"))
    ian.say("#lobby", "\x01ACTION bows\x01")
    screen.shows(look.acted.format(nick="ian", text="bows"))

    ian.send("TOPIC #lobby :what we talk about", "NICK ivo")
    screen.shows(look.topic.format(nick="ian", topic="what we talk about"))
    screen.shows(look.renamed.format(old="ian", new="ivo"))
    screen.enter("/nick iris")
    assert ian.until("NICK", where=lambda line: line.nick == "ada").text == "iris"
    screen.shows(look.self_renamed.format(new="iris"))
    if look.list_names:
        screen.enter(look.list_names)
    for pattern in look.names:
        screen.shows(pattern)


def talk_in_private(screen: Screen, look: Look, ian: Client) -> None:
    """Each says something to the other only."""
    ian.say("iris", "a secret")
    screen.enter(look.to_private.format(nick="ivo"))
    screen.shows(look.said.format(nick="ivo", text="a secret"))
    screen.enter("I keep it")
    heard = ian.until("PRIVMSG")
    assert (heard.nick, heard.params) == ("iris", ["ivo", "I keep it"])
    screen.shows(look.said.format(nick="iris", text="I keep it"))
    screen.enter(look.to_room)
    screen.shows(look.renamed.format(old="ian", new="ivo"))  # seen in the room before


def be_kicked(screen: Screen, look: Look, ian: Client) -> None:
    """Out, with a reason, and back in."""
    ian.send("KICK #lobby iris :too loud")
    screen.shows(look.kicked.format(by="ivo", whom="iris", reason="too loud"))
    screen.enter("/join #lobby")
    assert ian.until("JOIN").nick == "iris"


def register(server: ServerProcess, name: str) -> None:
    """Make an account."""
    with Client(server.port, server.ca, name) as owner:
        owner.send(f"REGISTER * * :{PASSWORD}")
        assert owner.until("REGISTER", "FAIL").params[0] == "SUCCESS"
        owner.goodbye()


def certificate_of(certs: Path, account: str) -> Path:
    """A certificate that opens an account, with its key in the same file."""
    done = python("certs", "client", str(certs), account, env=bare())
    assert done.returncode == 0, done.stderr
    return certs / "clients" / account / "both.pem"


def say_while_nobody_looks(certs: Path, data: Path, text: str) -> None:
    """`ian` says something in #lobby while the server is to be found at another port than usual, so that `ida` cannot be there."""
    with serving(certs, data, covered=False) as elsewhere, Client(elsewhere.port, elsewhere.ca, "ian", "#lobby") as ian:
        ian.say("#lobby", text)
        ian.ping()
