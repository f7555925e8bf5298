"""Where somebody is invited to. Sentences in quotes: https://modern.ircdocs.horse/#invite-message"""

from __future__ import annotations

from pathlib import Path

from tests.server.conftest import Connect
from tests.server.harness import Client, running_server
from wire.message import parse


def invited(client: Client) -> list[str]:
    """What INVITE alone lists."""
    return [message.params[1] for message in map(parse, client.ask("INVITE")) if message.command == "336"]


def test_invitations_are_listed_in_their_order(connect: Connect) -> None:
    """ "servers that support this reply with ... RPL_INVITELIST"; the newest is the last, and one that is repeated is new."""
    alice, bob = connect("alice"), connect("bob")
    rooms = [f"#room{number}" for number in range(12)]
    for room in reversed(rooms):
        alice.ask(f"JOIN {room}", f"INVITE bob {room}")
    assert invited(bob) == rooms[::-1]
    alice.ask("INVITE bob #room7")
    bob.ask("JOIN #room11")
    alice.ask("PART #room10")
    assert invited(bob) == [*[room for room in rooms[9::-1] if room != "#room7"], "#room7"]


def test_a_new_invitation_takes_the_place_of_the_oldest_or_of_one_to_a_room_that_is_gone(tmp_path: Path) -> None:
    """What is acknowledged holds: there is always room for one more."""
    with (
        running_server(tmp_path, limits_list_entries=2) as server,
        Client(server, "alice") as alice,
        Client(server, "bob") as bob,
    ):
        for room in ("#a", "#b", "#c", "#d"):
            alice.ask(f"JOIN {room}", f"MODE {room} +i")
        assert alice.numerics("INVITE bob #a", "INVITE bob #b", "PART #b") == ["341", "341", "PART"]
        assert alice.numerics("INVITE bob #c") == ["341"]
        assert invited(bob) == ["#a", "#c"]
        assert alice.numerics("INVITE bob #d") == ["341"]
        assert invited(bob) == ["#c", "#d"]
        assert bob.numerics("JOIN #a")[-1] == "473"
        assert "JOIN" in bob.numerics("JOIN #d")
