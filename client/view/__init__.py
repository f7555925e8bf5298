"""What there is to see, as plain data: events in, entries out. No terminal, no thread, no clock of its own.

entry, scroll, buffer    one line; the lines of a conversation; a conversation
view                     all conversations of one server, fed by events
texts                    events as sentences
printer                  entries as rows of text, for the line mode
"""

from client.view.buffer import Buffer, Member, Past
from client.view.entry import Entry, Mark
from client.view.printer import Printer
from client.view.scroll import Scroll
from client.view.texts import hint_at_account, refused_because
from client.view.view import Changes, View

__all__ = [
    "Buffer",
    "Changes",
    "Entry",
    "Mark",
    "Member",
    "Past",
    "Printer",
    "Scroll",
    "View",
    "hint_at_account",
    "refused_because",
]
