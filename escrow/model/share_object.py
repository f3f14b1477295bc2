"""The share object of a sign-off: one seat's answers to one request, kept apart from the chain until release.

The signed statement names its hash; the service keeps the object, for its author alone before the release.
"""

from dataclasses import dataclass, field

from escrow.crypto.envelope import Envelope
from escrow.crypto.group import Point
from escrow.crypto.sign_off import Answer
from escrow.crypto.transcript import Label, digest
from escrow.errors import MalformedError
from escrow.model.ids import HASH_BYTES, Hash
from escrow.model.path import MAX_CARDS, read_seat
from escrow.model.record import PROOF_BYTES, emit_envelope, read_envelope
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64

MAX_SHARE_OBJECT = 32 * 1024
"""Bytes. 16 answers of 1.7 KB each are 27.4 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAnswer:
    """The answer to one ticket. `passed`: the path's p for the ticket, unless the seat's own was bad."""

    answer: Answer
    passed: Envelope | None

    def emit(self) -> Json:
        return emit_answer(self.answer) | {
            "passed": None if self.passed is None else emit_envelope(self.passed)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareObject:
    """Answers in the order of the request's tickets; or, for the public, one answer and p itself.

    `public_p` is 32 bytes or None; `tickets` is empty for the public and `public_answer` is None otherwise.
    """

    request: Hash
    seat: str
    tickets: tuple[TicketAnswer, ...] = ()
    public_answer: Answer | None = None
    public_p: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.public_answer is None) != bool(self.tickets):
            raise MalformedError("share_object_malformed", field="shares")
        if self.public_p is not None and self.public_answer is None:
            raise MalformedError("share_object_malformed", field="shares.public")

    def encode(self) -> bytes:
        out: Json = {"format": "escrow.shares.v1", "request": self.request, "seat": self.seat}
        if self.public_answer is not None:
            p = None if self.public_p is None else to_base64(self.public_p)
            out["public"] = emit_answer(self.public_answer) | {"p": p}
        else:
            out["tickets"] = [ticket.emit() for ticket in self.tickets]
        return encode_json(out)

    @classmethod
    def parse(cls, raw: bytes, *, public: bool) -> "ShareObject":
        """Parse the object of a sign-off to a request for the public, or for tickets."""
        fields = Fields(decode_json(raw, limit=MAX_SHARE_OBJECT, field="shares"), at="shares")
        fields.choice("format", ("escrow.shares.v1",))
        request = fields.hex("request", size=HASH_BYTES)
        seat = read_seat(fields)
        if public:
            inner = fields.inner("public")
            answer = _read_answer(inner)
            p = inner.maybe("p", lambda key: inner.data(key, size=32))
            inner.done()
            fields.done()
            return cls(request=request, seat=seat, public_answer=answer, public_p=p)
        tickets = tuple(
            _read_ticket_answer(Fields(item, at=at))
            for at, item in fields.items("tickets", least=1, most=MAX_CARDS)
        )
        fields.done()
        return cls(request=request, seat=seat, tickets=tickets)


def share_hash(raw: bytes) -> Hash:
    """What the sign-off statement names, over the object's exact bytes."""
    return digest(Label.SHARE_OBJECT, raw).hex()


def emit_answer(answer: Answer) -> Json:
    """JSON of a seat's answer: the point `W` and its `proof`, base64url."""
    return {"W": to_base64(answer.W.encode()), "proof": to_base64(answer.proof)}


def _read_answer(fields: Fields) -> Answer:
    W = Point.decode(fields.data("W", size=32), field=fields.name("W"))
    return Answer(W=W, proof=fields.data("proof", size=PROOF_BYTES))


def _read_ticket_answer(fields: Fields) -> TicketAnswer:
    answer = _read_answer(fields)
    passed = fields.maybe("passed", lambda key: read_envelope(fields.inner(key)))
    fields.done()
    return TicketAnswer(answer=answer, passed=passed)
