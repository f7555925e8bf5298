"""What there is to see, as plain data: events in, entries out. No terminal, no thread, no clock of its own.

entry, scroll, buffer    one line; the lines of a conversation; a conversation
members, presence        who is in a room; who came and went, in one line
pending                  what becomes of messages that are not here yet
view                     all conversations of one server, fed by events
spoken, happened         what each event leads to: messages, and everything else
texts, mentions, search  events as sentences; whether we are meant; where something was said
printer                  entries as rows of text, for the line mode
"""

from client.view.buffer import Buffer, Past
from client.view.changes import Changes
from client.view.entry import Entry, Mark
from client.view.members import MOST_MEMBERS, Member, Members
from client.view.printer import Printer
from client.view.scroll import Scroll
from client.view.search import search
from client.view.texts import excerpt, hint_at_account, refused_because
from client.view.view import MOST_BUFFERS, MOST_BYTES, SERVER, View

__all__ = [
    "MOST_BUFFERS",
    "MOST_BYTES",
    "MOST_MEMBERS",
    "SERVER",
    "Buffer",
    "Changes",
    "Entry",
    "Mark",
    "Member",
    "Members",
    "Past",
    "Printer",
    "Scroll",
    "View",
    "excerpt",
    "hint_at_account",
    "refused_because",
    "search",
]
