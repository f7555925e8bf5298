"""What is offered once a server: an account, to who has none where one can be had, and the keyring, for a password that worked."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

from client import known
from client.events import Feature
from client.tui.bar import Proposal
from client.tui.cells import shown
from client.tui.screens.account import Account

if TYPE_CHECKING:
    from client.tui.app import ParleyApp
    from client.tui.session import Session

TEXT = (
    "With an account, the name {nick} is yours at {server}: nobody else gets it, and private messages are kept for you. It takes a"
    " password. (Later: /register. If you have one already: /login NAME.)"
)
ASK_KEEP = "The password of {account} at {server} worked. This computer's keyring can keep it, encrypted, for the next time."


def _idle(app: ParleyApp, session: Session) -> bool:
    """Whether nobody does anything: nothing is typed or asked, no dialog is open, what was said before is not being read."""
    here = (
        not session.chat.hidden
        and app.screen is app.main
        and not app.main.composer.text
        and session is app.workspace.server
        and not app.main.offers.open
    )
    return here and app.main.timeline.at_end and app.main.timeline.picked is None


def offer_keyring(app: ParleyApp, session: Session) -> None:
    """Offers that a password is kept, where this is the time. Esc leaves it for the next start."""
    keeping = session.keeping
    if keeping is None or keeping.offer is None or not _idle(app, session):
        return
    offer = keeping.take()

    def shows(text: str) -> None:
        session.chat.inform(text)
        app.main.changed(session, session.view.take_changes())

    def told(text: str) -> None:  # in a thread of its own
        with contextlib.suppress(RuntimeError):  # the user interface has ended
            app.call_later(shows, text)

    def answered(yes: bool | None) -> None:
        if offer is None or yes is None:
            return
        if yes:
            keeping.keep(offer, told)
        else:
            app.write(partial(keeping.decline, offer))

    if offer is not None:
        text = ASK_KEEP.format(account=shown(offer.account), server=session.name)
        app.main.offers.show(Proposal(text, answered, lambda: not session.ended, yes="keep it", no="no", later="another time"))


def _may_offer(app: ParleyApp, session: Session) -> bool:
    """Whether an account was never offered there, by no front end; False also until that is known: it stands in a file."""
    address = session.address
    if address not in app.may_offer:
        app.may_offer[address] = False

        def told(first: bool) -> None:
            app.may_offer[address] = first

        app.write(partial(known.tell, address, known.ACCOUNTS), told)
    return app.may_offer[address]


def offer_account(app: ParleyApp, session: Session) -> None:
    """Offers it, where this is the time: not while something is typed, or what was said before is read, or there is a question."""
    view = session.view
    can = Feature.REGISTRATION in view.features and view.online and not view.account
    talks = any(entry.own and entry.spoken for entry in view.front.entries.newest(100))  # who has just come looks at the room first
    if not (can and talks and _idle(app, session)) or not _may_offer(app, session):
        return
    app.may_offer[session.address] = False

    def chosen(password: str | None) -> None:
        if password:
            view.expect()  # what comes of it is shown in front
            session.actions.register(password)
        else:  # back to the offer
            app.may_offer[session.address] = True

    def answered(yes: bool | None) -> None:
        if yes:
            app.push_screen(Account(shown(view.nick)), chosen)

    text = TEXT.format(nick=shown(view.nick), server=session.name)
    app.main.offers.show(Proposal(text, answered, lambda: not view.account and not session.ended, yes="make one"))
