"""What the line mode asks before the chat begins: which server, who somebody is there, whether to trust it."""

from __future__ import annotations

import shutil
from typing import TextIO

from client import pins
from client.errors import Trouble
from client.firstuse import Stranger, Trust
from client.known import Known
from client.text import broken
from wire.display import safe

ASK_ADDRESS = "Enter server address: "
MOST_OFFERED = 9
LEAST = 4  # columns of a value
_YES = ("y", "yes")
_NOBODY = "An address and a name are needed: python -m client ADDRESS --name NAME"


def ask(question: str, source: TextIO) -> str:
    """An answer that is not empty. Raises Trouble where there is nobody to give one."""
    answer: str | None = ""
    while answer == "":
        answer = ask_once(question, source)
    if answer is None:
        raise Trouble(_NOBODY)
    return answer


def ask_once(question: str, source: TextIO) -> str | None:
    """An answer, "" for Enter alone; None where there is nobody to give one."""
    print(question, end="", flush=True)
    line = source.readline()
    if not line:
        print()
        return None
    return line.strip()


def agreed(answer: str | None) -> bool:
    """Whether somebody said yes; everything else is no."""
    return answer is not None and answer.strip().lower() in _YES


def ask_server(servers: list[Known], source: TextIO) -> str:
    """The address of one of those known, or another; Enter takes the first."""
    offered = servers[:MOST_OFFERED]
    if not offered:
        return ask(ASK_ADDRESS, source)
    print("Servers that you have been on:")
    for number, known in enumerate(offered, 1):
        who = safe(f" as {known.account or known.name}, {' '.join(known.rooms[:5])}".rstrip(", "))
        print(f"  {number}  {safe(str(known.address))}{who}")
    answer = ask_once("Which one? A number, another address, or Enter for the first: ", source)
    if answer is None:
        raise Trouble(_NOBODY)
    answer = answer or "1"
    if answer.isascii() and answer.isdecimal() and 0 < int(answer[:3]) <= len(offered):
        return str(offered[int(answer[:3]) - 1].address)
    return answer


def ask_trust(stranger: Stranger, source: TextIO) -> Trust:
    """Shows what the server shows, and asks once. Raises Trouble for everything but a yes."""
    print("You have not been on this server yet, and this computer knows nobody who\nvouches", end="")
    print(f" for it. It shows this {stranger.what}:\n")
    width = max(len(label) for label, _ in stranger.rows())
    room = shutil.get_terminal_size().columns - width - 6  # a terminal would begin the next row where our labels do
    for label, value in stranger.rows():
        for number, line in enumerate(broken(value, max(room, LEAST))):
            print(f"    {label if not number else '':{width}}  {line}")
    print(
        "\nAsk the server's operator for the SHA-256, by another way than this connection,"
        "\nand compare all of it (there, `python -m certs show var/certs` prints it). If"
        "\none digit differs, somebody is in between, and can read along.\n"
    )
    if not agreed(ask_once(f"Trust this {stranger.what} for {stranger.address} from now on? [y/N] ", source)):
        raise stranger.refuse()
    trust = stranger.accept()
    if not trust.kept:
        print(pins.unkept(stranger.address))
    return trust
