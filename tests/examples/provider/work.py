"""What is done for one case. Each deed may be broken off anywhere and done again."""

import json
from pathlib import Path

from register import Entry, Register, Stage
from table import Row

from escrow.client import CharterDraft, PathChoice, Session, fetch_release

SEAT = "institution"
PATH = "settlement"
CHARTER = """
title = {title}
rules = "What is said here is not used anywhere else."
retention_days = 3650
deadlock = "stay-sealed"
visibility = "dark"
[seats]
claimant = "{claimant}"
respondent = "{respondent}"
institution = "{institution}"
[paths.settlement]
policy = "2 of (claimant, respondent, institution)"
audience = ["claimant", "respondent"]
"""


def open_case(session: Session, register: Register, row: Row, invitations: Path) -> None:
    """Open it under its reference, accept for the institution, and write what the parties are handed."""
    if register.add(row.reference, row.title, row.document).stage is not Stage.OPENING:
        return
    case = session.open_case(_draft(session, row), reference=row.reference).case
    charter = session.case(case).charter
    if SEAT in charter.waiting_for:
        session.accept(case, charter.proposal, SEAT)
    folder = invitations / case
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for seat, invitation in session.invitations(case).items():
        if seat != SEAT:
            _write_private(folder / f"{seat}.invitation", invitation.dump())
    register.opened(row.reference, case)


def advance(session: Session, register: Register, entry: Entry, downloads: Path) -> None:
    """Do what the case is ready for."""
    if entry.stage is Stage.WAITING and session.case(entry.case).in_force:
        _deposit(session, entry)
        register.reached(entry.reference, Stage.DEPOSITED)
    released = [asked for asked in session.requests(entry.case) if asked.released_at is not None]
    for asked in released:
        fetch_release(session.courier, entry.case, asked.request, downloads / asked.request)
    if released:
        register.reached(entry.reference, Stage.RELEASED)


def _deposit(session: Session, entry: Entry) -> None:
    """Once: what an earlier run left half done is finished, and what it finished is found on the ledger."""
    for pending in session.pending_deposits():
        if pending.case == entry.case:
            session.resume_deposit(pending)
    if any(record.author == session.card for record in session.records(entry.case)):
        return
    choice = PathChoice(name=PATH, purpose="As agreed")
    session.deposit(entry.case, entry.document, [choice], title=entry.title, label=entry.title)


def _draft(session: Session, row: Row) -> CharterDraft:
    text = CHARTER.format(
        title=json.dumps(row.title, ensure_ascii=False), claimant=row.claimant, respondent=row.respondent,
        institution=session.card,
    )  # fmt: skip
    return CharterDraft.from_toml(text)


def _write_private(path: Path, raw: bytes) -> None:
    """Whole or not at all; an invitation holds the case key."""
    aside = path.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_bytes(raw)
    aside.replace(path)
