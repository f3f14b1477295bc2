"""Make a deposit: a file sealed under a fresh key, dealt by each chosen path, said in one statement's deed.

The record key, e and p live in this process's memory while `seal_deposit` runs, and nowhere else: what it
leaves is ciphertext and public values. Order of steps: escrow/crypto/sealing.py, escrow/model/sealing.py.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from escrow.client import texts
from escrow.client.disk import open_source, renamed
from escrow.client.following import KnownCase
from escrow.client.progress import Progress, Stage
from escrow.crypto.card import Card
from escrow.crypto.landing import landing
from escrow.crypto.payload import Metadata, SealedPayload, new_key, seal_payload
from escrow.errors import MalformedError, RefusedError
from escrow.ledger.state import CharterState, holdings
from escrow.model.case_key import CaseKey
from escrow.model.deeds import RecordSealed
from escrow.model.ids import RecordId, new_upload_id
from escrow.model.path import Audience, AudienceKind, PathTemplate, PathTerms
from escrow.model.record import Payload
from escrow.model.sealing import Frame, seal_record
from escrow.model.wire import to_time


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChoice:
    """One path of the charter by which a record may be opened, its blanks filled in.

    `not_before` where the template says at-deposit; `readers` limits a named path that lists none; `purpose`
    is a text under the case key.
    """

    name: str
    not_before: datetime | None = None
    readers: tuple[Card, ...] = ()
    purpose: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositWords:
    """What the depositor says of a file. `label` is for all seats, the others for who opens it."""

    title: str
    label: str
    filename: str
    media_type: str
    replaces: RecordId | None

    def metadata(self, length: int) -> Metadata:
        """What openers read. MalformedError `metadata_*`, `filename_not_bare`."""
        return Metadata(title=self.title, filename=self.filename, media_type=self.media_type, length=length)


def seal_deposit(
    known: KnownCase,
    case_key: CaseKey,
    author: Card,
    record: RecordId,
    words: DepositWords,
    choices: Sequence[PathChoice],
    source: Path,
    sealed: Path,
    progress: Progress,
) -> RecordSealed:
    """Seal `source` into the new file `sealed`. What the charter refuses is refused before anything is
    written.
    """
    held = charter_in_force(known, author)
    terms = chosen_terms(known, case_key, record, held, choices)
    words.metadata(0)  # what cannot be written is refused before the file is sealed
    frame = Frame(
        author=author.fingerprint,
        case=known.case,
        charter=held.proposal,
        record=record,
        label=texts.seal_label(case_key, known.case, record, words.label),
        replaces=words.replaces,
        paths=[(one, one.encode(), held.seats_public(one.policy.seats)) for one in terms],
    )
    K = new_key()
    made = _seal_file(source, sealed, K, progress)
    payload = Payload(sha256=made.sha256.hex(), length=made.length, upload=new_upload_id())
    return seal_record(frame, K, payload, words.metadata(made.plain_length))


def charter_in_force(known: KnownCase, author: Card) -> CharterState:
    """The charter that holds. RefusedError `charter_not_accepted` (case, seats), `not_a_seat` (author)."""
    state = known.state
    if state.in_force is None:
        seats = tuple(dict.fromkeys(seat for seat, _ in state.opening.missing))
        raise RefusedError("charter_not_accepted", case=known.case, seats=seats)
    held = state.charters[state.in_force]
    if not holdings(held.charter, author.fingerprint):
        raise RefusedError("not_a_seat", author=author.fingerprint)
    return held


def chosen_terms(
    known: KnownCase, case_key: CaseKey, record: RecordId, held: CharterState, choices: Sequence[PathChoice]
) -> list[PathTerms]:
    """MalformedError `paths_missing`; RefusedError where the charter has no such path, or not so."""
    if not choices:
        raise MalformedError("paths_missing", field="paths")
    return [_terms(known, case_key, record, held, choice) for choice in choices]


def _terms(
    known: KnownCase, case_key: CaseKey, record: RecordId, held: CharterState, choice: PathChoice
) -> PathTerms:
    """A choice as terms that its template allows."""
    template = held.charter.path(choice.name)
    if choice.not_before is not None and not template.date_open:
        _require_fixed_date(template, choice.not_before)
    purpose = None
    if choice.purpose is not None:
        purpose = texts.seal_path_purpose(case_key, known.case, record, choice.name, choice.purpose)
    terms = PathTerms(
        name=template.name,
        policy=template.policy,
        audience=_audience(template, choice),
        not_before=template.not_before if choice.not_before is None else _to_milliseconds(choice.not_before),
        purpose=purpose,
    )
    template.require_instance(terms)
    return terms


def _require_fixed_date(template: PathTemplate, date: datetime) -> None:
    """RefusedError `path_takes_no_date`, `path_date_is_fixed`: nobody gives this path another date."""
    if template.not_before is None:
        raise RefusedError("path_takes_no_date", path=template.name)
    if _to_milliseconds(date) != template.not_before:
        fixed = to_time(template.not_before)
        raise RefusedError("path_date_is_fixed", path=template.name, not_before=fixed)


def _audience(template: PathTemplate, choice: PathChoice) -> Audience:
    if not choice.readers:
        return template.audience
    if template.audience.kind is not AudienceKind.NAMED or template.audience.cards not in (
        (),
        choice.readers,
    ):
        raise RefusedError("readers_not_wanted", path=template.name)
    return Audience(kind=AudienceKind.NAMED, cards=choice.readers)


def _to_milliseconds(moment: datetime) -> datetime:
    """Signed bytes hold milliseconds; a finer time would not be equal to its own text."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _seal_file(source: Path, sealed: Path, K: bytes, progress: Progress) -> SealedPayload:
    """The ciphertext's file is on disk whole, or not there."""
    with open_source(source) as plain, renamed("file_unreadable"):
        total = os.fstat(plain.fileno()).st_size
        progress(Stage.SEAL, 0, total)
        with landing(sealed) as sink:
            payload = seal_payload(
                plain, sink, K, progress=lambda done: progress(Stage.SEAL, min(done, total), total)
            )
            os.fsync(sink.fileno())
    return payload
