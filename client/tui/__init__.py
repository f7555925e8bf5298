"""The full-screen client (Textual): widgets that draw what `client.view` holds, and the screens around them.

inbox, posted, session   one server: its connection's thread on one side, the user interface's on the other
workspace                several servers; which conversation is in front (pure)
app, run                 the parts put together; how it starts and ends
driver, keys             the terminal below Textual
rooms, members, topic, status, timeline, composer    what is on the main screen
screens                  what comes before it and goes with Escape
themes, settings, notify    colours; what is remembered; how to call somebody who looks elsewhere

Everything here lives in one thread, the user interface's, but `inbox.Inbox.handle`. It never waits for a network or a name server.
"""

import os

# Milliseconds after which Esc is no longer the beginning of another key. Textual waits 100, which one feels; it looks once, when it
# is imported.
os.environ.setdefault("ESCDELAY", "25")
