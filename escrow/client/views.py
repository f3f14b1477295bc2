"""What the SDK shows of a case: plain frozen facts, every one taken from a chain that was verified first.

Texts that parties wrote under the case key are decrypted here, or None where this party has no case key.
Times are aware UTC; hashes and ids are lowercase hex; cards know their fingerprints (`card.groups` is what
people compare).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from escrow.crypto.card import Card
from escrow.errors import EscrowError
from escrow.ledger.statement import Head
from escrow.model.charter import Charter, Service
from escrow.model.ids import CaseId, Hash, RecordId
from escrow.policy.explain import Sentence
from escrow.policy.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatView:
    """One seat of a charter. `accepted`: its holder accepted this charter. `mine`: this party holds it."""

    seat: str
    card: Card
    accepted: bool
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PathView:
    """One release path in words. `audience` is plain words; `sentences` carry [cryptographic] or
    [procedural].

    `readers`: the only cards that may be named, empty when any may (or for seats and the public). `note` is
    the text that goes with it: of a template, the words about one party that can open alone; of a record, its
    purpose. `can_open_alone` are the parties whose own seats are enough, worked out here from who holds
    which: each of them needs nobody.
    """

    name: str
    policy: str
    audience: str
    readers: tuple[Card, ...]
    not_before: datetime | None
    date_at_deposit: bool
    note: str | None
    can_open_alone: tuple[Card, ...]
    sentences: tuple[Sentence, ...]


class Standing(StrEnum):
    """Where a charter stands."""

    PENDING = "pending"
    IN_FORCE = "in-force"
    REPLACED = "replaced"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CharterView:
    """One charter, opened or proposed. `proposal` is its statement's hash, which acceptances name.

    `waiting_for` are the seats whose holder has yet to accept (of this charter and of the one it replaces).
    """

    proposal: Hash
    standing: Standing
    author: Card
    title: str | None
    rules: str | None
    seats: tuple[SeatView, ...]
    paths: tuple[PathView, ...]
    waiting_for: tuple[str, ...]
    charter: Charter


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case as its verified chain tells it. `charter` is the one in force, or else the opening one.

    `seats` are this party's own in that charter. `proposals` are other charters that still wait for
    acceptances.
    """

    case: CaseId
    service: Service
    convenor: Card
    head: Head
    received_at: datetime
    in_force: Hash | None
    charter: CharterView
    proposals: tuple[CharterView, ...]
    seats: tuple[str, ...]
    has_case_key: bool
    records: int
    requests: int
    notes: tuple["NoteView", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """A note to all seats."""

    author: Card
    text: str | None
    n: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementView:
    """A record that says it replaces another one. Any seat may say so, of anybody's record."""

    record: RecordId
    author: Card
    author_seats: tuple[str, ...]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One record. `size_bytes` is its padded, encrypted size; `reports` are seats that reported a bad
    envelope. `author` deposited it; `dropped_off`: the service sealed it by the author's order, and saw it.
    `replacements` are the records that say they replace it, whoever deposited those.
    """

    record: RecordId
    label: str | None
    author: Card
    author_seats: tuple[str, ...]
    charter: Hash
    paths: tuple[PathView, ...]
    size_bytes: int
    replaces: RecordId | None
    replacements: tuple[ReplacementView, ...]
    reports: tuple[tuple[str, str], ...]
    dropped_off: bool
    n: int
    received_at: datetime

    @property
    def replaced_by(self) -> tuple[RecordId, ...]:
        """The ids of `replacements`."""
        return tuple(one.record for one in self.replacements)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalView:
    """A seat's taking back of its sign-offs to a request. `reason` is empty where none was given."""

    seat: str
    author: Card
    reason: str | None
    n: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """One release request. `readers` are the cards its tickets name; empty for the public.

    `signed_off` are seats whose sign-off stands. Until `released_at` their shares were checked by the service
    only. `withdrawn` are seats that ever took one back, whether they signed off again or not;
    `withdrawals` say when and why, in order.
    """

    request: Hash
    record: RecordId
    path: str
    label: str | None
    author: Card
    author_seats: tuple[str, ...]
    public: bool
    readers: tuple[Card, ...]
    purpose: str | None
    verdict: Verdict
    signed_off: tuple[str, ...]
    withdrawn: tuple[str, ...]
    withdrawals: tuple[WithdrawalView, ...]
    n: int
    received_at: datetime
    released_at: datetime | None


class EnvelopeState(StrEnum):
    """A seat's own envelope in a path."""

    GOOD = "good"
    BAD = "bad"
    NOT_A_HOLDER = "not-a-holder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All that a seat is shown before it signs off. Nothing is signed by looking at it.

    `my_seats` are the seats of the path that this party holds and has not signed off with. `warnings` always
    say that a share cannot be recalled and that withdrawing is procedural; before that, where the record was
    replaced, by what and by whom; with a bad envelope, that the sign-off will go without p, and that the
    request still opens with another seat's.
    """

    request: RequestView
    record: RecordView
    path: PathView
    my_seats: tuple[str, ...]
    envelopes: tuple[tuple[str, EnvelopeState], ...]
    warnings: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEnvelope:
    """A seat of this party whose envelope does not hold what was promised. `reported`: it said so."""

    record: RecordId
    path: str
    seat: str
    depositor: Card
    reported: bool


class Waiting(StrEnum):
    """What a case waits for this party to do."""

    ACCEPT = "accept"
    SIGN_OFF = "sign-off"
    REPORT_ENVELOPE = "report-envelope"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One thing to do. `subject` is the proposal's, request's or record's id; `seat` is empty for opening."""

    kind: Waiting
    case: CaseId
    subject: str
    seat: str
    path: str
    label: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A case that could not be shown, and why (a forged chain is one case's trouble, not all cases')."""

    case: CaseId
    error: EscrowError

    @property
    def code(self) -> str:
        """The error's code."""
        return self.error.code


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Cases that may have grown, each with the number of its last entry (None: it cannot be read now).

    The service's word, not verified. `next`: the cursor to ask with the next time.
    """

    cases: Mapping[CaseId, int | None]
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What waits for this party, and the cases that could not be shown."""

    items: tuple[InboxItem, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """A line of the list of cases. `trouble` is the code of what went wrong, or None."""

    case: CaseId
    title: str | None
    standing: Standing | None
    seats: tuple[str, ...]
    head: Head | None
    trouble: str | None
