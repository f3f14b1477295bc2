"""Print and parse every object name: the only file that knows how names are spelt.

A name is made of lowercase words, lowercase hex ids and decimal numbers, joined by "/". Nothing else is ever
printed or accepted, so no name can climb out of its folder, and sorting names by folder or as whole text
gives the same order. Names carry random ids and hashes only, never a title or a person.

Every printer raises MalformedError "object_id_malformed" (field) for an id that is not lowercase hex of its
length, and "object_number_out_of_range" (field, limit) for a number; every parser, "object_name_malformed".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from escrow.errors import MalformedError
from escrow.store.interface import MAX_PARTS, Bucket

CASE_DIGITS: Final = 64  # hash of the opening statement
FINGERPRINT_DIGITS: Final = 64
SHARE_DIGITS: Final = 64
REFERENCE_DIGITS: Final = 64
REQUEST_DIGITS: Final = 64
UPLOAD_DIGITS: Final = 32
HOOK_DIGITS: Final = 32
MESSAGE_DIGITS: Final = 64
FORM_DIGITS: Final = 16  # of a snapshot: what its form is (escrow/ledger/snapshot.py)
MAX_REFERENCE_PLACE: Final = 99  # two digits
MAX_ENTRY: Final = 9_999_999_999  # ten digits, so that names sort like numbers
MAX_MINUTE: Final = 9_999_999_999  # likewise, since 1970

CANARY: Final = "canary"  # one in every bucket, for the start-up check
SERVICE: Final = "service"  # whose store it is: the fingerprint of the service's first card
SERVICES: Final = "services/"  # and of each later one an object of its name
CASES: Final = "cases/"
CARDS: Final = "cards/"
REFERENCES: Final = "references/"
SHARES: Final = "shares/"
PAYLOADS: Final = "payloads/"
UPLOADS: Final = "uploads/"
STAGED: Final = "staged/"
SNAPSHOTS: Final = "snapshots/"
CHANGES: Final = "changes/"
HOOKS: Final = "hooks/"
OUTBOX: Final = "outbox/"
LOOKED: Final = "looked/"
RELEASES: Final = "releases/"
RELEASES_CANARY: Final = "releases/canary"  # by which whoever publishes asks what holds for long documents
PARTS: Final = "parts/"  # working files; one folder for each upload that is still open
DISCARDED: Final = "discarded/"  # working files; payloads that are about to go

_CASE = r"(?P<case>[0-9a-f]{64})"
_UPLOAD = r"(?P<upload>[0-9a-f]{32})"
_ENTRY = re.compile(rf"cases/{_CASE}/entries/(?P<number>[0-9]{{10}})")
_CARD_INDEX = re.compile(rf"cards/(?P<fingerprint>[0-9a-f]{{64}})/{_CASE}")
_REFERENCE = re.compile(r"references/(?P<fingerprint>[0-9a-f]{64})/(?P<reference>[0-9a-f]{64})")
_REFERENCE_PLACE = re.compile(
    rf"references/(?P<fingerprint>[0-9a-f]{{64}})/given/{_CASE}/(?P<number>[0-9]{{2}})"
)
_CHANGE = re.compile(rf"changes/(?P<minute>[0-9]{{10}})/{_CASE}")
_SHARE = re.compile(rf"shares/{_CASE}/(?P<share>[0-9a-f]{{64}})")
_PAYLOAD = re.compile(rf"payloads/{_CASE}/{_UPLOAD}")
_PLAN = re.compile(rf"uploads/{_CASE}/{_UPLOAD}/plan")
_STORED = re.compile(rf"uploads/{_CASE}/{_UPLOAD}/stored")
_STAGED = re.compile(rf"staged/{_CASE}/(?P<fingerprint>[0-9a-f]{{64}})/{_UPLOAD}")
_SNAPSHOT = re.compile(rf"snapshots/{_CASE}/(?P<form>[0-9a-f]{{16}})/(?P<number>[0-9]{{10}})")
_HOOK = re.compile(r"hooks/(?P<fingerprint>[0-9a-f]{64})/(?P<hook>[0-9a-f]{32})/(?P<what>opened|closed)")
_OUTBOX = re.compile(
    r"outbox/(?P<fingerprint>[0-9a-f]{64})/(?P<hook>[0-9a-f]{32})/(?P<minute>[0-9]{10})"
    r"/(?P<message>[0-9a-f]{64})/(?P<what>message|(delivered|failed)(?P<at>[0-9]{10}))"
)
_LOOKED = re.compile(r"looked/(?P<minute>[0-9]{10})")
_RELEASED = re.compile(
    rf"releases/{_CASE}/(?P<request>[0-9a-f]{{64}})/(?P<item>manifest|bundle|payload|document)"
)
_CANARY = re.compile(CANARY)
_RELEASES_CANARY = re.compile(RELEASES_CANARY)
_SERVICE = re.compile(SERVICE)
_LATER_SERVICE = re.compile(r"services/(?P<fingerprint>[0-9a-f]{64})")
_PART_NAME = re.compile(r"parts/[0-9a-f]{96}/[0-9]{5}")
_RETENTION_NAME = re.compile(rf"retention/{_CASE}/{_UPLOAD}/[0-9]{{8}}t[0-9]{{6}}z")
_ASIDE_NAME = re.compile(r"\.aside/[0-9a-f]{32}")
_PREFIX = re.compile(r"([0-9a-z]+/)*")
_PART = re.compile(r"[0-9]{5}")
_PART_FOLDER = re.compile(r"(?P<case>[0-9a-f]{64})(?P<upload>[0-9a-f]{32})")
_RETENTION = re.compile(r"[0-9]{8}t[0-9]{6}z")
_RETENTION_FORMAT: Final = "%Y%m%dt%H%M%Sz"

# The objects of each bucket. Parts and retention marks are a store's working files, not objects.
_OBJECTS: Final = {
    Bucket.LEDGER: (_ENTRY, _CARD_INDEX, _REFERENCE, _REFERENCE_PLACE, _SERVICE, _LATER_SERVICE, _CANARY),
    Bucket.RECORDS: (
        _SHARE,
        _PAYLOAD,
        _PLAN,
        _STORED,
        _STAGED,
        _SNAPSHOT,
        _CHANGE,
        _HOOK,
        _OUTBOX,
        _LOOKED,
        _CANARY,
    ),
    Bucket.PUBLIC: (_RELEASED, _RELEASES_CANARY, _CANARY),
}
_WORKING: Final = {
    Bucket.LEDGER: (_ASIDE_NAME,),
    Bucket.RECORDS: (_PART_NAME, _RETENTION_NAME, _ASIDE_NAME),
    Bucket.PUBLIC: (_ASIDE_NAME,),
}


def _folders(shapes: Iterable[re.Pattern[str]]) -> frozenset[re.Pattern[str]]:
    """What the folders are called in which names of these shapes lie."""
    split = [shape.pattern.split("/") for shape in shapes]
    return frozenset(
        re.compile("/".join(parts[:depth]) + "/") for parts in split for depth in range(1, len(parts))
    )


_FOLDERS: Final = {bucket: _folders((*_OBJECTS[bucket], *_WORKING[bucket])) for bucket in Bucket}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryName:
    """Entry `number` of a case's ledger."""

    case: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CardIndexName:
    """Says that the card with this fingerprint has a seat in this case."""

    fingerprint: str
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceName:
    """What a card calls a case of its own by: an id that only this card can make."""

    fingerprint: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeName:
    """Says that a case may have grown in this minute, counted from 1970 UTC."""

    minute: int
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareName:
    """A share object of a case, by its hash."""

    case: str
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadName:
    """A payload of a case, by its upload's id; also names the staged upload that becomes it."""

    case: str
    upload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotName:
    """A case as it was after entry `number`, in a form of this name."""

    case: str
    form: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HookName:
    """One of a webhook's two objects: that it was opened, or that it is closed. Its id is its owner's
    alone.
    """

    fingerprint: str
    hook: str
    is_closed: bool


class Sent(StrEnum):
    """What is known of a message of an outbox: that it is there, and how tries to deliver it ended."""

    MESSAGE = "message"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxName:
    """A message for a hook, of an entry of this minute. `at`: the minute of a try; None for the message."""

    fingerprint: str
    hook: str
    minute: int
    message: str
    what: Sent = Sent.MESSAGE
    at: int | None = None


class Released(StrEnum):
    """The objects of one release to everybody. The manifest is written last: without it nothing counts."""

    MANIFEST = "manifest"
    BUNDLE = "bundle"
    PAYLOAD = "payload"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedName:
    """One object of a request's release to everybody."""

    case: str
    request: str
    item: Released


def entry(case: str, number: int) -> str:
    """Ledger: entry `number` of a case."""
    return f"{entries(case)}{_number('entry', number, MAX_ENTRY):010d}"


def entries(case: str) -> str:
    """Ledger: prefix of all entries of a case."""
    return f"cases/{_hex('case', case, CASE_DIGITS)}/entries/"


def after_case(case: str) -> str:
    """Ledger: what to list `after` for the first name of the next case, whatever lies in this one."""
    return f"cases/{_hex('case', case, CASE_DIGITS)}/~"


def after_folder(prefix: str) -> str:
    """What to list `after` for the first name behind this folder, whatever lies in it."""
    return f"{prefix}~"


def card_index(fingerprint: str, case: str) -> str:
    """Ledger: index object of a card's seat in a case."""
    return f"{card_indexes(fingerprint)}{_hex('case', case, CASE_DIGITS)}"


def card_indexes(fingerprint: str) -> str:
    """Ledger: prefix of a card's index objects."""
    return f"{CARDS}{_hex('fingerprint', fingerprint, FINGERPRINT_DIGITS)}/"


def reference(fingerprint: str, text: str) -> str:
    """Ledger: which case this card calls so."""
    return _references(fingerprint) + _hex("reference", text, REFERENCE_DIGITS)


def reference_place(fingerprint: str, case: str, number: int) -> str:
    """Ledger: which of this card's references is the case's one of this number."""
    place = f"{_number('reference', number, MAX_REFERENCE_PLACE):02d}"
    return f"{_references(fingerprint)}given/{_hex('case', case, CASE_DIGITS)}/{place}"


def _references(fingerprint: str) -> str:
    return f"{REFERENCES}{_hex('fingerprint', fingerprint, FINGERPRINT_DIGITS)}/"


def change(minute: int, case: str) -> str:
    """Records: says that this case may have grown in this minute."""
    return f"{changes_in(minute)}{_hex('case', case, CASE_DIGITS)}"


def changes_in(minute: int) -> str:
    """Records: prefix of a minute's changes; also what to list `after` for that minute and later ones."""
    return f"{CHANGES}{_number('minute', minute, MAX_MINUTE):010d}/"


def share(case: str, sha: str) -> str:
    """Records: share object of a case, by the hash of its bytes."""
    return f"{shares(case)}{_hex('share', sha, SHARE_DIGITS)}"


def shares(case: str) -> str:
    """Records: prefix of a case's share objects."""
    return f"{SHARES}{_hex('case', case, CASE_DIGITS)}/"


def payload(case: str, upload: str) -> str:
    """Records: payload of a case; the same name stands for its staged upload."""
    return f"{payloads(case)}{_hex('upload', upload, UPLOAD_DIGITS)}"


def payloads(case: str) -> str:
    """Records: prefix of a case's completed payloads."""
    return f"{PAYLOADS}{_hex('case', case, CASE_DIGITS)}/"


def uploads(case: str) -> str:
    """Records: prefix of the notes about a case's uploads, open and completed."""
    return f"{UPLOADS}{_hex('case', case, CASE_DIGITS)}/"


def upload_plan(payload_name: str) -> str:
    """Records: the announced plan of a payload's upload."""
    return f"{_upload_folder(payload_name)}/plan"


def upload_stored(payload_name: str) -> str:
    """Records: length and digest of a payload, written once it is complete."""
    return f"{_upload_folder(payload_name)}/stored"


def staged(case: str, fingerprint: str, upload: str) -> str:
    """Records: says that this card announced this upload, so that its uploads are counted without a scan."""
    return f"{staged_by(case, fingerprint)}{_hex('upload', upload, UPLOAD_DIGITS)}"


def staged_by(case: str, fingerprint: str) -> str:
    """Records: prefix of the uploads that a card announced in a case."""
    return f"{staged_in(case)}{_hex('fingerprint', fingerprint, FINGERPRINT_DIGITS)}/"


def staged_in(case: str) -> str:
    """Records: prefix of the uploads that anybody announced in a case."""
    return f"{STAGED}{_hex('case', case, CASE_DIGITS)}/"


def later_service(fingerprint: str) -> str:
    """Ledger: says that the service of this store has this card too."""
    return f"{SERVICES}{_hex('fingerprint', fingerprint, FINGERPRINT_DIGITS)}"


def snapshot(case: str, form: str, number: int) -> str:
    """Records: the service's own note of a case as it was after entry `number`."""
    return f"{snapshots_of(case, form)}{_number('entry', number, MAX_ENTRY):010d}"


def snapshots_of(case: str, form: str) -> str:
    """Records: prefix of a case's snapshots of one form."""
    return f"{snapshots(case)}{_hex('form', form, FORM_DIGITS)}/"


def snapshots(case: str) -> str:
    """Records: prefix of a case's snapshots, of every form that there ever was."""
    return f"{SNAPSHOTS}{_hex('case', case, CASE_DIGITS)}/"


def hook_opened(fingerprint: str, hook: str) -> str:
    """Records: a webhook of this card, and where it leads."""
    return f"{hooks_of(fingerprint)}{_hex('hook', hook, HOOK_DIGITS)}/opened"


def hook_closed(fingerprint: str, hook: str) -> str:
    """Records: says that this webhook is no more."""
    return f"{hooks_of(fingerprint)}{_hex('hook', hook, HOOK_DIGITS)}/closed"


def hooks_of(fingerprint: str) -> str:
    """Records: prefix of a card's webhooks."""
    return f"{HOOKS}{_hex('fingerprint', fingerprint, FINGERPRINT_DIGITS)}/"


def outbox(place: OutboxName) -> str:
    """Records: a message for a webhook, or how a try to deliver it ended."""
    at = "" if place.at is None else f"{_number('minute', place.at, MAX_MINUTE):010d}"
    if (place.what is Sent.MESSAGE) != (place.at is None):
        raise MalformedError("object_number_out_of_range", field="minute", limit=MAX_MINUTE)
    return f"{outbox_message(place)}{place.what.value}{at}"


def outbox_message(place: OutboxName) -> str:
    """Records: prefix of all that is known of one message."""
    minute = f"{_number('minute', place.minute, MAX_MINUTE):010d}"
    message = _hex("message", place.message, MESSAGE_DIGITS)
    return f"{outbox_of(place.fingerprint, place.hook)}{minute}/{message}/"


def outbox_of(fingerprint: str, hook: str) -> str:
    """Records: prefix of a webhook's messages, in the order of their entries' minutes."""
    owner = _hex("fingerprint", fingerprint, FINGERPRINT_DIGITS)
    return f"{OUTBOX}{owner}/{_hex('hook', hook, HOOK_DIGITS)}/"


def outbox_since(fingerprint: str, hook: str, minute: int) -> str:
    """Records: what to list `after` for a webhook's messages of this minute and later ones."""
    return f"{outbox_of(fingerprint, hook)}{_number('minute', minute, MAX_MINUTE):010d}/"


def looked(minute: int) -> str:
    """Records: says that messages were made of all changes before this minute."""
    return f"{LOOKED}{_number('minute', minute, MAX_MINUTE):010d}"


def released(case: str, request: str, item: Released) -> str:
    """Public: one object of the release of a request."""
    return f"{releases(case)}{_hex('request', request, REQUEST_DIGITS)}/{item.value}"


def releases(case: str) -> str:
    """Public: prefix of what was released of a case."""
    return f"{RELEASES}{_hex('case', case, CASE_DIGITS)}/"


def part_folder(payload_name: str) -> str:
    """Working files: where a store may keep the parts of one open upload, in one folder of its own."""
    place = parse_payload(payload_name)
    return f"{PARTS}{place.case}{place.upload}"


def part(payload_name: str, number: int) -> str:
    """Working file: one part of an upload, counted from 1."""
    if number < 1:
        raise MalformedError("object_number_out_of_range", field="part", limit=MAX_PARTS)
    return f"{part_folder(payload_name)}/{_number('part', number, MAX_PARTS):05d}"


def discarded(payload_name: str) -> str:
    """Working file: where a store may put a payload that is about to go."""
    place = parse_payload(payload_name)
    return f"{DISCARDED}{place.case}{place.upload}"


def retention_folder(payload_name: str) -> str:
    """Working files: where a store may keep the marks of how long a payload is retained."""
    place = parse_payload(payload_name)
    return f"retention/{place.case}/{place.upload}"


def retention(payload_name: str, until: datetime) -> str:
    """Working file: mark that a payload is retained until a whole second (aware UTC, year 1000 or later)."""
    last = until.strftime(_RETENTION_FORMAT)
    if not _RETENTION.fullmatch(last) or parse_retention(last) != until:
        raise MalformedError("retention_time_malformed", field="until")
    return f"{retention_folder(payload_name)}/{last}"


def parse_entry(name: str) -> EntryName:
    """Its case, and its number from 0."""
    found = _match(_ENTRY, name)
    return EntryName(case=found["case"], number=int(found["number"]))


def parse_card_index(name: str) -> CardIndexName:
    """The card's fingerprint, and the case that it has a part in."""
    found = _match(_CARD_INDEX, name)
    return CardIndexName(fingerprint=found["fingerprint"], case=found["case"])


def parse_reference(name: str) -> ReferenceName:
    """The fingerprint of whose reference it is, and its id."""
    found = _match(_REFERENCE, name)
    return ReferenceName(fingerprint=found["fingerprint"], reference=found["reference"])


def parse_change(name: str) -> ChangeName:
    """The minute (since 1970), and the case that changed in it."""
    found = _match(_CHANGE, name)
    return ChangeName(minute=int(found["minute"]), case=found["case"])


def parse_share(name: str) -> ShareName:
    """The case, and the hash that the sign-off names."""
    found = _match(_SHARE, name)
    return ShareName(case=found["case"], share=found["share"])


def parse_payload(name: str) -> PayloadName:
    """The case, and the upload that it came by."""
    found = _match(_PAYLOAD, name)
    return PayloadName(case=found["case"], upload=found["upload"])


def parse_upload_plan(name: str) -> PayloadName:
    """The payload that an announced plan is for: how a sweep finds uploads that were never completed."""
    found = _match(_PLAN, name)
    return PayloadName(case=found["case"], upload=found["upload"])


def parse_upload_note(name: str) -> PayloadName:
    """The payload that a plan, or the note that it is stored, is about."""
    found = _match(_STORED if _STORED.fullmatch(name) else _PLAN, name)
    return PayloadName(case=found["case"], upload=found["upload"])


def parse_staged(name: str) -> PayloadName:
    """The upload that a card announced."""
    found = _match(_STAGED, name)
    return PayloadName(case=found["case"], upload=found["upload"])


def parse_announcer(name: str) -> str:
    """The fingerprint of the card that announced it."""
    return _match(_STAGED, name)["fingerprint"]


def parse_snapshot(name: str) -> SnapshotName:
    """The case, the form, and the number of the last entry in it."""
    found = _match(_SNAPSHOT, name)
    return SnapshotName(case=found["case"], form=found["form"], number=int(found["number"]))


def parse_hook(name: str) -> HookName:
    """Whose hook it is, and whether this is the object that closes it."""
    found = _match(_HOOK, name)
    return HookName(fingerprint=found["fingerprint"], hook=found["hook"], is_closed=found["what"] == "closed")


def parse_outbox(name: str) -> OutboxName:
    """The message, and what of it the object is: its words, or how a try of some minute ended."""
    found = _match(_OUTBOX, name)
    return OutboxName(
        fingerprint=found["fingerprint"], hook=found["hook"], minute=int(found["minute"]),
        message=found["message"], what=Sent(found["what"].rstrip("0123456789")),
        at=None if found["at"] is None else int(found["at"]),
    )  # fmt: skip


def parse_looked(name: str) -> int:
    """The minute before which all changes were looked at."""
    return int(_match(_LOOKED, name)["minute"])


def parse_released(name: str) -> ReleasedName:
    """The case, the request, and which of the four published objects it is."""
    found = _match(_RELEASED, name)
    return ReleasedName(case=found["case"], request=found["request"], item=Released(found["item"]))


def parse_part_folder(last: str) -> PayloadName:
    """The upload of a folder of parts, or of a discarded payload, from the last component of its name."""
    found = _match(_PART_FOLDER, last)
    return PayloadName(case=found["case"], upload=found["upload"])


def parse_part(last: str) -> int:
    """The number of a part, from the last component of its name."""
    return int(_match(_PART, last)[0])


def parse_retention(last: str) -> datetime:
    """The time of a retention mark, from the last component of its name."""
    try:
        return datetime.strptime(_match(_RETENTION, last)[0], _RETENTION_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedError("object_name_malformed", field="name") from error


def is_object(bucket: Bucket, name: str) -> bool:
    """Whether an object of this name may lie in this bucket; a listing passes over other files."""
    return any(shape.fullmatch(name) for shape in _OBJECTS[bucket])


def is_working_file(bucket: Bucket, name: str) -> bool:
    """Whether a store that is a folder may have put this here beside its objects."""
    return any(shape.fullmatch(name) for shape in _WORKING[bucket])


def is_folder(bucket: Bucket, prefix: str) -> bool:
    """Whether objects or working files of this bucket may lie in this folder; its name ends in "/"."""
    return any(shape.fullmatch(prefix) for shape in _FOLDERS[bucket])


def require_object(bucket: Bucket, name: str) -> None:
    """Refuse a name that no object of this bucket has: MalformedError "object_name_malformed"."""
    if not is_object(bucket, name):
        raise MalformedError("object_name_malformed", field="name", bucket=bucket.value)


def is_payload(name: str) -> bool:
    """Whether this is the name of a payload."""
    return _PAYLOAD.fullmatch(name) is not None


def require_discardable(name: str) -> None:
    """Refuse what no sweep removes, such as a share: MalformedError "object_name_malformed"."""
    kinds = (_PAYLOAD, _PLAN, _STORED, _STAGED, _SNAPSHOT, _CHANGE, _HOOK, _OUTBOX, _LOOKED)
    if not any(shape.fullmatch(name) for shape in kinds):
        raise MalformedError("object_name_malformed", field="name", bucket=Bucket.RECORDS.value)


def is_part(last: str) -> bool:
    """Whether this is the last component of a part's name; others pass over foreign files."""
    return _PART.fullmatch(last) is not None


def is_retention(last: str) -> bool:
    """Whether this is the last component of a retention mark's name."""
    return _RETENTION.fullmatch(last) is not None


def is_prefix(text: str) -> bool:
    """Whether this is empty or made of whole folders, each ending in "/", as all prefixes of names are."""
    return _PREFIX.fullmatch(text) is not None


def require_prefix(prefix: str) -> None:
    """Refuse what is no prefix of names: MalformedError "object_prefix_malformed"."""
    if not is_prefix(prefix):
        raise MalformedError("object_prefix_malformed", field="prefix")


def _upload_folder(payload_name: str) -> str:
    place = parse_payload(payload_name)
    return f"{UPLOADS}{place.case}/{place.upload}"


def _hex(field: str, text: str, digits: int) -> str:
    if len(text) != digits or not re.fullmatch(r"[0-9a-f]+", text):
        raise MalformedError("object_id_malformed", field=field, digits=digits)
    return text


def _number(field: str, number: int, limit: int) -> int:
    if not 0 <= number <= limit:
        raise MalformedError("object_number_out_of_range", field=field, limit=limit)
    return number


def _match(shape: re.Pattern[str], name: str) -> re.Match[str]:
    found = shape.fullmatch(name)
    if found is None:
        raise MalformedError("object_name_malformed", field="name")
    return found
