"""From a bundle that has verified to the document's key, name and bytes: steps O2 to O6 of opening, apart
from where the bytes lie and go. Files are opening.py's business; a release straight from storage has none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from escrow.client.progress import Progress, Stage, silent
from escrow.crypto.card import Card
from escrow.crypto.drop_off import open_salt, ordered_digest
from escrow.crypto.identity import Identity
from escrow.crypto.outlet import Sink
from escrow.crypto.padding import Source
from escrow.crypto.payload import Description, Metadata, describe, open_payload
from escrow.crypto.secret import NeverPickled
from escrow.crypto.ticket import TicketKeys
from escrow.crypto.transcript import Sha256
from escrow.errors import ForgedError
from escrow.ledger.bundle import OpenedKey, VerifiedBundle, open_shares
from escrow.model.ids import Hash

BY_AUTHOR = frozenset(
    (
        "payload_chunk_false",
        "payload_padding_false",
        "payload_length_false",
        "drop_off_salt_false",
        "drop_off_digest_false",
    )
)
"""Faults that only whoever sealed the payload can have made (escrow/crypto/payload.py, drop_off.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that was no help, or false, though the record opened: `code` says what.

    A sign-off of `seat`, or, where `seat` is empty, what the depositor sealed. `author` is who is proven to
    have made it so; None where it may be whoever kept it (`share_object_missing`).
    """

    seat: str
    code: str
    author: Card | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked(NeverPickled):
    """A release whose key is the committed one. The document's bytes are still to come, and to be checked."""

    verified: VerifiedBundle
    key: bytes = field(repr=False)
    metadata: Metadata
    faults: tuple[Fault, ...]


def unlock(verified: VerifiedBundle, identity: Identity | None = None, ticket: str | None = None) -> Unlocked:
    """O2 to O5. `identity` and `ticket` as `opening.open_release` takes them, and its errors."""
    card, keys = reader_keys(verified, identity, ticket)
    opened = open_shares(verified, ticket_keys=keys, card=card)
    description = _describe(verified, opened.key)
    faults = tuple(_faults(verified, opened, description.fault))
    return Unlocked(verified=verified, key=opened.key, metadata=description.metadata, faults=faults)


def open_into(unlocked: Unlocked, source: Source, sink: Sink, *, progress: Progress = silent) -> None:
    """O6 and O7, into any sink: what is in it counts only once this returns. Errors as `open_payload`, and
    ForgedError `drop_off_salt_false`, `drop_off_digest_false` (author: the service that sealed it).
    """
    payload, length = unlocked.verified.record.body.payload, unlocked.metadata.length
    with naming_author(unlocked.verified):
        promised = _Promise.of(unlocked)
        passing = _Passing(sink)
        open_payload(
            source,
            passing,
            unlocked.key,
            plain_length=length,
            sealed_length=payload.length,
            sha256=bytes.fromhex(payload.sha256),
            progress=lambda done: progress(Stage.OPEN, done, length),
        )
        if promised is not None:
            promised.require(unlocked.metadata, passing.sha256.digest())


class _Passing:
    """A sink that hashes what passes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.sha256 = Sha256()

    def write(self, data: memoryview, /) -> int:
        count = self._sink.write(data)
        self.sha256.update(data[: count or 0])
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise(NeverPickled):
    """O7: what the depositor's drop-off order says of the document that the service sealed for it."""

    salt: bytes = field(repr=False)
    digest: Hash

    @classmethod
    def of(cls, unlocked: Unlocked) -> "_Promise | None":
        """None where the depositor sealed the record itself."""
        record = unlocked.verified.record
        if record.ordered is None:
            return None
        salt = open_salt(unlocked.key, record.r, record.ordered.sealed_salt)
        return cls(salt=salt, digest=record.ordered.digest)

    def require(self, metadata: Metadata, sha256: bytes) -> None:
        if ordered_digest(self.salt, metadata, sha256).hex() != self.digest:
            raise ForgedError("drop_off_digest_false")


def reader_keys(
    verified: VerifiedBundle, identity: Identity | None, ticket: str | None
) -> tuple[Card | None, TicketKeys | None]:
    """O2. Keys follow from the reader's seed and the words of its own ticket in the request."""
    if ticket is not None and ticket not in verified.request.tickets_raw:
        raise ForgedError("request_without_ticket", request=verified.request.hash)
    if identity is None or not verified.request.tickets:
        return None, None
    own = verified.ticket_of(identity.card)
    keys = identity.ticket_keys(own.case, own.record, own.path, bytes.fromhex(own.dealing), own.nonce)
    return identity.card, keys


@contextmanager
def naming_author(verified: VerifiedBundle) -> Iterator[None]:
    """What only whoever sealed the record can have made false names that party."""
    try:
        yield
    except ForgedError as error:
        if error.code not in BY_AUTHOR:
            raise
        author = verified.record.author.fingerprint
        raise ForgedError(error.code, **{**error.fields, "author": author}) from error


def _describe(verified: VerifiedBundle, key: bytes) -> Description:
    """O5: what the depositor said of the document, or a plain name and the code of what is wrong with it."""
    record = verified.record
    with naming_author(verified):
        return describe(
            key,
            record.r,
            record.body.metadata,
            sealed_length=record.body.payload.length,
            name=f"record-{record.body.record[:12]}",
        )


def _faults(verified: VerifiedBundle, opened: OpenedKey, metadata_fault: str) -> Iterator[Fault]:
    if metadata_fault:
        yield Fault(seat="", code=metadata_fault, author=verified.record.author)
    holders = verified.state.charters[verified.record.charter].charter.seats
    for seat, code in (*verified.bad, *((seat, "p_false") for seat in opened.named)):
        yield Fault(seat=seat, code=code, author=holders[seat])
    for seat in verified.lost:
        yield Fault(seat=seat, code="share_object_missing", author=None)
