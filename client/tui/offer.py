"""An account is offered, once a server, to who has none where one can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.events import Feature
from client.tui.screens.account import Account
from client.tui.screens.question import Question
from client.tui.settings import MOST_OFFERED, save

if TYPE_CHECKING:
    from client.tui.app import ParleyApp
    from client.tui.session import Session

TEXT = (
    "With an account, the name {nick} is yours here: nobody else gets it, and private messages are kept for you."
    "\n\n"
    "Make one now? It takes a password. (Later: /register. If you have one already: /login NAME.)"
)


def offer_account(app: ParleyApp, session: Session) -> None:
    """Offers it, where this is the time: not while something is typed, or what was said before is read, or there is a question."""
    view, key = session.view, str(session.address)
    can = Feature.REGISTRATION in view.features and view.online and not view.account
    idle = app.screen is app.main and not app.main.composer.text and session is app.workspace.server
    reads = not app.main.timeline.at_end or app.main.timeline.picked is not None
    talks = any(entry.own and entry.spoken for entry in view.front.entries.newest(100))  # who has just come looks at the room first
    if not (can and idle and talks) or reads or key in app.wanted.offered:
        return
    app.wanted.offered = (*app.wanted.offered, key)[-MOST_OFFERED:]
    save(app.wanted)

    def chosen(password: str | None) -> None:
        if password:
            view.expect()  # what comes of it is shown in front
            session.actions.register(password)

    def answered(yes: bool | None) -> None:
        if yes:
            app.push_screen(Account(view.nick), chosen)

    app.push_screen(Question("A name of your own", TEXT.format(nick=view.nick), yes="Make one", no="Not now"), answered)
