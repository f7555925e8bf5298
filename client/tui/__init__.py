"""The full-screen client (Textual): widgets that draw what `client.view` holds, and the screens around them.

inbox, posted, session   one server: its connection's thread on one side, the user interface's on the other
workspace                several servers; which conversation is in front (pure)
app, run                 the parts put together; how it starts and ends
rooms, members, topic, status, timeline, composer    what is on the main screen
screens                  what comes before it and goes with Escape
themes, settings, notify    colours; what is remembered; how to call somebody who looks elsewhere

Everything here lives in one thread, the user interface's, but `inbox.Inbox.handle`. It never waits for a network or a name server.
"""
