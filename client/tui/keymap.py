"""The keys of the main screen, and what they do: the table that they work by, and the help is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType

from client.tui.timeline import Timeline

FOR_A_MESSAGE = "r answer  e react  d take back  c copy  Esc back"
FOR_ANOTHERS = "r answer  e react  c copy  Esc back"

TYPING = [  # what the composer does, for the help
    Binding("enter", "", "send it"),
    Binding("alt+enter,ctrl+j", "", "another line"),
    Binding("tab", "", "complete a name, a room, a /command, an :emoji:"),
    Binding("up,down", "", "what was typed before"),
    Binding("escape", "", "close what is open; then, to the newest message"),
    Binding("ctrl+c", "", "clear it (↑ brings it back); with nothing typed: quit"),
    Binding("ctrl+underscore", "", "undo"),
]

EVERYWHERE = [
    Binding("f1", "help", "all keys and commands", priority=True),
    Binding("ctrl+k", "switcher", "go to a room, a person, a command", priority=True),
    Binding("alt+a", "next_unread", "next room with something unread", priority=True),
    *(Binding(f"alt+{n}", f"number({n})", "room by its number", priority=True) for n in range(1, 10)),
    Binding("ctrl+n,alt+right", "step(1)", "next room", priority=True),
    Binding("ctrl+p,alt+left", "step(-1)", "previous room", priority=True),
    Binding("ctrl+f", "search", "search in this room", priority=True),
    Binding("pageup", "page(-1)", "a page back", priority=True),
    Binding("pagedown", "page(1)", "a page on", priority=True),
    Binding("ctrl+home", "start", "the oldest message here", priority=True),
    Binding("ctrl+end", "end", "the newest message", priority=True),
    Binding("ctrl+c", "interrupt", show=False),  # where the composer has not the focus
    Binding("alt+up", "pick(-1)", "choose a message", priority=True),
    Binding("alt+down", "pick(1)", "choose the one below", priority=True),
    Binding("ctrl+b,f2", "show('rooms')", "rooms on or off", priority=True),
    Binding("alt+m,f3", "show('members')", "members on or off", priority=True),
    Binding("f4", "offer(True)", "yes to what is offered", priority=True),
    Binding("f5", "offer(False)", "no to it", priority=True),
]


def sections(app: Iterable[BindingType]) -> Mapping[str, Iterable[BindingType]]:
    """The groups of the help, by title; `app` are the app's own."""
    chosen = [each for each in Timeline.BINDINGS if isinstance(each, Binding) and "ask" in each.action]
    return {"Everywhere": [*EVERYWHERE, *app], "While you type": TYPING, "A message, once one is chosen": chosen}
