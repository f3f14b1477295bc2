"""Which kind of file of this program some bytes are, by how they begin: also of one that is cut off.

And what to say of a file that cannot be read: that it is of another kind than the one needed, or else cut off
or changed. Nobody's program is blamed for what a mailer did.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from escrow.client import Introduction, Invitation
from escrow.client.carrying import FORMAT as RELEASE
from escrow.errors import MalformedError, RefusedError
from escrow.ledger import jws
from escrow.ledger.bundle import FORMAT as BUNDLE
from escrow.ledger.entry import TYP as ENTRY
from escrow.model.drop_off import FILE_FORMAT as ORDER
from escrow.model.ticket import TYP as TICKET

NAMES = {
    "card": "a card",
    "identity": "an identity, which is secret",
    "ticket": "a ticket",
    "receipt": "a receipt",
    "signed": "a signed text",
    "invitation": "an invitation",
    "introduction": "an introduction",
    "bundle": "the bundle of a release",
    "release": "the label of a release",
    "order": "a drop-off order",
    "posting": "a signed statement",
    "charter": "a charter's draft",
}
"""What people call a kind, with its article."""

_BY_FIRST_WORDS = {b"escrowcard1": "card", b"ESCROW-SECRET": "identity"}
_BY_TYP = {TICKET: "ticket", ENTRY: "receipt"}
_BY_FORMAT = {
    Invitation.FORMAT: "invitation",
    Introduction.FORMAT: "introduction",
    BUNDLE: "bundle",
    RELEASE: "release",
    ORDER: "order",
}
_FORMAT = re.compile(rb'"format"\s*:\s*"([a-z0-9.-]{1,64})"')
_POSTING = re.compile(rb'\{\s*("attachment"\s*:\s*"[A-Za-z0-9_-]*"\s*,\s*)?"statement"\s*:')


def kind_of(raw: bytes) -> str | None:
    """A key of NAMES, or None. What such a file holds may be false or broken all the same."""
    text = raw.strip()
    for begins, kind in _BY_FIRST_WORDS.items():
        if text.startswith(begins):
            return kind
    if text.startswith(b"eyJ"):
        typ = jws.untrusted_typ(text[: 4 * jws.MAX_HEADER].decode("ascii", "replace"))
        return None if typ is None else _BY_TYP.get(typ, "signed")
    if text.startswith(b"{"):
        return _kind_of_json(text)
    return "charter" if b"[seats]" in text else None


def _kind_of_json(text: bytes) -> str | None:
    if _POSTING.match(text):
        return "posting"
    found = _FORMAT.search(text)
    return None if found is None else _BY_FORMAT.get(found[1].decode())


@contextmanager
def reading(kind: str, file: Path, raw: bytes) -> Iterator[None]:
    """What goes wrong while a file of this kind is read, with its name. MalformedError
    `file_of_another_kind`, `file_damaged`; RefusedError `introduction_not_ticket`: the step between was left
    out.
    """
    try:
        yield
    except MalformedError as error:
        raise explained(kind, file, raw) from error


def explained(kind: str, file: Path, raw: bytes) -> MalformedError | RefusedError:
    """What to say of a file that cannot be read as one of this kind."""
    name = "What came on stdin" if str(file) == "-" else str(file)
    found = kind_of(raw)
    if (found, kind) == ("introduction", "ticket"):
        return RefusedError("introduction_not_ticket", path=name)
    if found in (None, kind):
        return MalformedError("file_damaged", field=kind, file=name, needed=NAMES[kind])
    return MalformedError(
        "file_of_another_kind", field=kind, file=name, found=NAMES[found], needed=NAMES[kind]
    )
