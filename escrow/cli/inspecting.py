"""Say what a file of this program is and what is in it, without any key and without any network.

What a file claims is shown as a claim: who signed it is checked only where the signer's card stands in
the file itself. Nothing secret is ever shown: of an invitation its key is left out, of a key file
everything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import click

from escrow.cli.app import App, Verb, pass_app
from escrow.cli.deeds import statement_facts
from escrow.cli.files import read_file
from escrow.cli.kinds import kind_of, reading
from escrow.cli.output import answer, size, table
from escrow.client import Card, CharterDraft, DropOff, Introduction, Invitation, Posting
from escrow.client.carrying import LABEL_NAME, parcel_in, parse_label
from escrow.errors import MalformedError
from escrow.ledger import jws
from escrow.ledger.bundle import FORMAT, MAX_BUNDLE
from escrow.ledger.entry import TYP as ENTRY_TYP
from escrow.model.ticket import MAX_TICKET, Ticket
from escrow.model.ticket import TYP as TICKET_TYP
from escrow.model.wire import Fields, decode_json
from escrow.words.fingerprint import groups

Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`kind` is stable, for programs; `title` and `rows` are for people."""

    kind: str
    title: str
    rows: Rows


@click.command(cls=Verb)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@pass_app
def inspect(app: App, file: Path) -> None:
    """Explain a file of this program, without any key.

    Knows charters, invitations, introductions, tickets, cards, receipts, bundles, drop-off orders, what
    --out wrote, and the folder of `escrow fetch`. Shows no secret.
    """
    found = _folder(file) if file.is_dir() else explain(file)
    answer(
        app,
        [found.title, *table(found.rows)],
        {"kind": found.kind, "title": found.title, "facts": dict(found.rows)},
    )


def explain(file: Path) -> Found:
    """MalformedError `file_unknown_kind`, `file_damaged`; ForgedError where its signature is false."""
    raw = read_file(file, limit=MAX_BUNDLE, what="file")
    kind = kind_of(raw)
    if kind is None:
        raise MalformedError("file_unknown_kind", field="file", path=str(file))
    if kind == "charter":  # a person wrote it, who is told the line
        return _charter(raw.decode("utf-8", "replace"))
    with reading(kind, file, raw):
        return READERS[kind](raw.strip())


def _folder(folder: Path) -> Found:
    """MalformedError `folder_unknown_kind`, and as `explain`; SetupError `file_unreadable`."""
    label, parcel = folder / LABEL_NAME, parcel_in(folder)
    if not label.is_file():
        raise MalformedError("folder_unknown_kind", field="file", path=str(folder))
    rows: Rows = []
    for file in (label, parcel.bundle):
        raw = read_file(file, limit=MAX_BUNDLE, what="file")
        with reading(kind := "release" if file == label else "bundle", file, raw):
            rows += READERS[kind](raw).rows
    rows.append(("payload", size(parcel.payload.stat().st_size)))
    title = f"A fetched release. To check and open it: escrow open {quote(str(folder))}"
    return Found(kind="release", title=title, rows=rows)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _card(raw: bytes) -> Found:
    rows = [("fingerprint", Card.parse(_text(raw)).groups)]
    return Found(kind="card", title="A card: the public half of an identity. Give it to anybody.", rows=rows)


def _secret(_: bytes) -> Found:
    title = "An identity: a SECRET key file. Whoever has it is its party. Nothing of it is shown."
    return Found(kind="identity", title=title, rows=[])


def _signed(raw: bytes) -> Found:
    token = jws.UnverifiedJws.parse(_text(raw), limit=MAX_BUNDLE, field="file")
    if token.typ == TICKET_TYP:
        return _ticket(token)
    if token.typ == ENTRY_TYP:
        return _entry(token)
    rows = [("kind", token.typ), ("says it is by", groups(token.kid))]
    return Found(kind="signed", title="A signed text of this program.", rows=rows)


def _ticket(token: jws.UnverifiedJws) -> Found:
    ticket = Ticket.read(Fields(decode_json(token.payload, limit=MAX_TICKET, field="ticket"), at="ticket"))
    token.verify(ticket.card)
    ticket.require_proof()
    rows = [
        ("reader", ticket.card.groups),
        ("case", ticket.case),
        ("record", ticket.record),
        ("path", ticket.path),
    ]
    return Found(kind="ticket", title="A reader's ticket; its signature and its proof are true.", rows=rows)


def _entry(token: jws.UnverifiedJws) -> Found:
    fields = decode_json(token.payload, limit=MAX_BUNDLE, field="entry")
    rows = [("says it is by the service", groups(token.kid)), ("case", str(fields.get("case"))),
            ("entry", str(fields.get("n"))), ("received", str(fields.get("received_at")))]  # fmt: skip
    return Found(kind="receipt", title="An entry of a case's history, which is also a receipt.", rows=rows)


def _invitation(raw: bytes) -> Found:
    it = Invitation.load(raw)
    rows = [("case", it.case), ("seat", it.seat), ("charter", it.proposal),
            ("service", f"{it.service.url}  {it.service.card.groups}"),
            ("case key", "in it, not shown: keep this file private")]  # fmt: skip
    return Found(
        kind="invitation", title="An invitation to a seat. Next: escrow case join, or accept.", rows=rows
    )


def _introduction(raw: bytes) -> Found:
    it = Introduction.load(raw)
    rows = [("case", it.case), ("record", it.record), ("path", it.path),
            ("service", f"{it.service.url}  {it.service.card.groups}"),
            ("convenor", groups(it.convenor)), ("introduced by", groups(it.introduced_by))]  # fmt: skip
    return Found(kind="introduction", title="An introduction for a reader. Next: escrow ticket.", rows=rows)


def _bundle(raw: bytes) -> Found:
    fields = Fields(decode_json(raw, limit=MAX_BUNDLE, field="bundle"), at="bundle")
    fields.choice("format", (FORMAT,))
    rows = [(name, str(len(fields.items(name, least=0, most=len(raw))))) for name in ("entries", "shares")]
    return Found(
        kind="bundle",
        title="The evidence of one released record. Its reader checks it by opening: escrow open.",
        rows=rows,
    )


def _release(raw: bytes) -> Found:
    it = parse_label(raw)
    rows = [("service", it.service), ("case", it.case), ("request", it.request)]
    return Found(
        kind="release", title="Of what a fetched bundle and payload are. Next: escrow open FOLDER.", rows=rows
    )


def _order(raw: bytes) -> Found:
    it = DropOff.load(raw)
    about = it.file.metadata
    rows = [("case", it.case), ("record", it.record), ("title", about.title), ("file", about.filename),
            ("size", size(about.length))]  # fmt: skip
    title = "A drop-off order, to be sent with its file. Keep it to yourself. Next: escrow drop-off post."
    return Found(kind="order", title=title, rows=rows)


def _posting(raw: bytes) -> Found:
    posting = Posting.load(raw)
    title, rows = statement_facts(posting)
    if posting.attachment is not None:
        rows.append(("beside it", "a share object: keep this file to yourself until it is sent"))
    return Found(kind="posting", title=f"{title} Signed, ready to POST. To send it: escrow send.", rows=rows)


def _charter(text: str) -> Found:
    draft = CharterDraft.from_toml(text)
    rows = [("title", draft.title), *((f"seat {seat}", card.groups) for seat, card in draft.seats.items())]
    rows += [(f"path {one.template.name}", str(one.template.policy)) for one in draft.paths]
    return Found(
        kind="charter", title="A charter. In plain words: escrow policy explain --charter FILE", rows=rows
    )


READERS: dict[str, Callable[[bytes], Found]] = {
    "card": _card,
    "identity": _secret,
    "ticket": _signed,
    "receipt": _signed,
    "signed": _signed,
    "invitation": _invitation,
    "introduction": _introduction,
    "bundle": _bundle,
    "release": _release,
    "order": _order,
    "posting": _posting,
}
