"""What a seat is shown before it signs off: whose record, for whom, why, how firmly, and what cannot be
undone.

The signer decides on this page alone, so it holds everything that the chain can say about the request and
nothing that only the service says. Labels are their depositors' words: nobody but an opener can compare them
with the document.
"""

from collections.abc import Iterator
from datetime import datetime

from escrow.client.envelopes import OwnEnvelopes
from escrow.client.following import KnownCase
from escrow.client.showing import show_path, show_record, show_request
from escrow.client.views import EnvelopeState, RecordView, RequestView, Review, WithdrawalView
from escrow.ledger.state import RequestState
from escrow.policy.explain import Sentence
from escrow.policy.verdict import Enforcement

_DIGITS = 12
"""Of a record's id, in a sentence: enough to type."""


def make_review(
    known: KnownCase,
    asked: RequestState,
    own: OwnEnvelopes,
    at: datetime,
    withdrawals: tuple[WithdrawalView, ...],
) -> Review:
    """The page for one request and this party's seats."""
    record = known.state.record(asked.record)
    path = record.path(asked.path)
    shown, deposited = show_request(known, asked, at, withdrawals), show_record(known, record)
    mine = own.seats(path)
    envelopes = tuple(
        (seat, EnvelopeState.BAD if own.content(path, seat) is None else EnvelopeState.GOOD) for seat in mine
    )
    return Review(
        request=shown,
        record=deposited,
        path=show_path(known, record, path),
        my_seats=tuple(seat for seat in mine if seat not in asked.signed),
        envelopes=envelopes,
        warnings=(*replaced_sentences(deposited), *_warnings(shown, envelopes)),
    )


def replaced_sentences(record: RecordView) -> Iterator[Sentence]:
    """A warning for each record that replaces this one: a correction, or another seat's answer."""
    for one in record.replacements:
        by = f"This record was replaced by {one.record[:_DIGITS]} of {', '.join(one.author_seats)}"
        whose = (
            ", its depositor"
            if one.author == record.author
            else f"; it is {', '.join(record.author_seats)}'s"
        )
        yield Sentence(text=f"{by}{whose}. See which one is meant.", warning=True)


def _warnings(shown: RequestView, envelopes: tuple[tuple[str, EnvelopeState], ...]) -> Iterator[Sentence]:
    yield Sentence(
        text="A share cannot be recalled: whoever has received it keeps it, whatever is decided later.",
        warning=True,
    )
    yield Sentence(
        text="A sign-off may be withdrawn until the request is released. The service and honest clients "
        "then disregard it; whoever had already received the share can still use it.",
        enforced=Enforcement.PROCEDURAL,
    )
    if shown.public:
        yield Sentence(text="After the release anybody may read the record, for ever.", warning=True)
    else:
        yield Sentence(
            text="Only the readers listed can use the shares of this sign-off. Compare each fingerprint "
            "with its owner, aloud: a card is whoever made it.",
            enforced=Enforcement.CRYPTOGRAPHIC,
        )
        yield Sentence(text="A reader can pass on what it has read.", warning=True)
    for seat, state in envelopes:
        if state is EnvelopeState.BAD:
            yield Sentence(
                text=f"The envelope for {seat} does not hold what the record promises: its depositor's "
                "doing. The sign-off goes without its part; the record can open with another seat's.",
                warning=True,
            )
    if shown.label is None:
        yield Sentence(text="The label cannot be read: ask the depositor what this record is.", warning=True)
