"""Whether we may listen at some ports: python deploy/ports.py NAME=PORT... (what deploy/run.sh asks before it starts anything).

Exit code 0 where we may. Otherwise 1, with a sentence that names the variable to set, and the command that does. What else was set
for that ($VAR: the folder of another copy, say) is in the command too.

$HTTP_PORT is one that we can do without: `off`, or taken by somebody else, is no reason to complain. `--free PORT` tells which.
"""

import os
import shlex
import socket
import sys

DEFAULTS = {"IRC_PORT": 6697, "PLAIN_PORT": 12345, "HTTP_PORT": 9167}
OPTIONAL = "HTTP_PORT"
OTHERS = {"HTTP_PORT": "9167", "VAR": "var", "BOTS": ""}  # what deploy/run.sh takes besides
LAST = 65535
DIGITS = 5  # of a port: more are not even looked at


def usable(port: int) -> bool:
    """Whether 127.0.0.1 has it free for us."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def complaint(given: dict[str, str]) -> str:
    """What is wrong with these ports, "" where nothing is."""
    given = {name: port for name, port in given.items() if (name, port) != (OPTIONAL, "off")}
    for name, port in given.items():
        if not (port.isascii() and port.isdigit() and len(port) <= DIGITS and 0 < int(port) <= LAST):
            return f"{name} is a port, from 1 to {LAST}, as in: make run {name}={DEFAULTS.get(name, 6698) + 1}"
    wanted = {name: int(port) for name, port in given.items()}
    twice = [name for at, (name, port) in enumerate(wanted.items()) if port in list(wanted.values())[:at]]
    if twice:
        shared = wanted[twice[0]]
        names = " and ".join(name for name in wanted if wanted[name] == shared)
        return f"Port {shared} can be only one of {names}: take another:\n    {_command(wanted, twice)}"
    refused = [name for name, port in wanted.items() if name != OPTIONAL and not usable(port)]
    if not refused:
        return ""
    ports = " and ".join(str(wanted[name]) for name in refused)
    command = _command(wanted, refused)
    what, other = (f"Ports {ports} are", "others") if len(refused) > 1 else (f"Port {ports} is", "another")
    return f"{what} in use (or not allowed): end what listens there, or take {other}:\n    {command}"


def _command(wanted: dict[str, int], refused: list[str]) -> str:
    """What to type, with other ports for those refused."""
    chosen = dict(wanted)
    for name in refused:
        chosen[name] = _next(wanted[name], set(chosen.values()))
    ports = [f"{name}={port}" for name, port in chosen.items() if port != DEFAULTS.get(name)]
    others = [(name, os.environ.get(name, "")) for name in OTHERS if name not in wanted]
    settings = [f"{name}={shlex.quote(value)}" for name, value in others if value not in ("", OTHERS[name])]
    return " ".join(["make run", *ports, *settings])


def _next(port: int, others: set[int]) -> int:
    """The next that is usable and nobody else's."""
    candidates = range(max(port, 1023) + 1, LAST + 1)
    return next((p for p in candidates if p not in others and usable(p)), LAST)


if __name__ == "__main__":
    if sys.argv[1] == "--free":
        sys.exit(not usable(int(sys.argv[2])))
    sys.exit(complaint(dict(pair.split("=", 1) for pair in sys.argv[1:])) or 0)
