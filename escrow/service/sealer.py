"""The program that seals one dropped-off file: it alone ever holds the plain file and the record's keys.

A process of its own, started for one drop-off and over with it, so that everything of it goes with its
memory: CPython keeps copies that nobody can clear. It has no settings, no environment, no store and no key of
the service. It reads the body of the request on stdin and writes ciphertext to stdout, nothing else anywhere;
with the service it exchanges JSON lines over a socket (sealing_process.py). No core is dumped.

    service                          sealer
    {"boundary": ...}            ->                             of the multipart body
                                 <-  {"order": compact JWS}
    {"frame": {...}} or {"check": true} ->                      what to seal for; only compare the digest
    stdout until it is closed    <-  ciphertext
                                 <-  {"deed": {...}} or {"checked": true}
                                 <-  {"error": {...}}           instead of any of its lines

The body is multipart/form-data (RFC 7578) with two parts: `order`, the order's file, and then `document`.
"""

import hashlib
import os
import resource
import socket
import sys
from typing import NoReturn

from werkzeug.exceptions import HTTPException
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData, Preamble

from escrow.crypto.drop_off import ordered_digest, seal_salt
from escrow.crypto.group import Point
from escrow.crypto.payload import new_key, seal_payload, sealed_length
from escrow.crypto.sealing import SeatPublic
from escrow.errors import EscrowError, MalformedError, TooLargeError
from escrow.ledger.order import UnverifiedOrder
from escrow.model.deeds import RecordDroppedOff
from escrow.model.drop_off import MAX_ORDER_FILE, DropOffOrder, OrderFile
from escrow.model.record import Payload
from escrow.model.sealing import Frame, seal_record
from escrow.model.wire import Fields, Json, decode_json, encode_json, from_base64

CHUNK = 64 * 1024
MAX_LINE = 8 * 1024 * 1024
"""Bytes of one line of the exchange: the largest deed, in base64, is below that."""
MAX_BOUNDARY = 70  # RFC 2046 section 5.1.1
MAX_HEADERS = 16 * 1024
TOLD = frozenset(("order", "document", "form", "request"))
"""Names of fields that errors may repeat; any other may be words out of the plain file."""


class Form:
    """The two parts of the body, in order, as they arrive. MalformedError `drop_off_form_malformed`."""

    def __init__(self, body: int, boundary: str) -> None:
        self._body = body
        self._decoder = MultipartDecoder(boundary.encode("ascii"), MAX_HEADERS + MAX_ORDER_FILE)
        self._ended = False

    def order(self) -> bytes:
        """The whole first part."""
        self._begin("order")
        found = bytearray()
        while piece := self.piece():
            found += piece
            if len(found) > MAX_ORDER_FILE:
                raise TooLargeError("field_too_large", field="order", limit=MAX_ORDER_FILE)
        return bytes(found)

    def begin_document(self) -> None:
        self._begin("document")

    def piece(self) -> bytes:
        """More of the part under way; empty at its end."""
        while not self._ended:
            event = self._next()
            if not isinstance(event, Data):
                raise malformed()
            self._ended = not event.more_data
            if event.data:
                return event.data
        return b""

    def finish(self) -> None:
        """Nothing follows. MalformedError `drop_off_cut_short` where the body broke off."""
        if not isinstance(self._next(), Epilogue):
            raise malformed()

    def _begin(self, name: str) -> None:
        event = self._next()
        if isinstance(event, Preamble):
            event = self._next()
        if not isinstance(event, Field | File) or event.name != name:
            raise malformed()
        self._ended = False

    def _next(self) -> Event:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._decoder.receive_data(os.read(self._body, CHUNK) or None)
        except (ValueError, LookupError, AttributeError, HTTPException):  # the decoder's words quote the body
            if self._decoder.complete:
                raise MalformedError("drop_off_cut_short", field="request") from None
            raise malformed() from None
        return event


def malformed() -> MalformedError:
    return MalformedError("drop_off_form_malformed", field="form")


class Document:
    """The plain file as a source for sealing, hashed on its way; refused as soon as it is too long."""

    def __init__(self, form: Form, length: int) -> None:
        form.begin_document()
        self._form = form
        self._limit = length
        self._held = b""
        self.length = 0
        self.sha256 = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        if not self._held:
            self._held = self._form.piece()
            self.sha256.update(self._held)
            self.length += len(self._held)
            if self.length > self._limit:
                raise differs()
        found, self._held = self._held[:size], self._held[size:]
        return found


def differs() -> MalformedError:
    return MalformedError("drop_off_file_differs", field="document")


class Talk:
    """Lines of JSON with the service."""

    def __init__(self, line: socket.socket) -> None:
        self._file = line.makefile("rwb")

    def say(self, message: Json) -> None:
        self._file.write(encode_json(message) + b"\n")
        self._file.flush()

    def hear(self) -> Fields:
        """The next line. SystemExit where the service has hung up."""
        raw = self._file.readline(MAX_LINE)
        if not raw.endswith(b"\n"):
            sys.exit(0)
        return Fields(decode_json(raw, limit=MAX_LINE, field="line"))


def work(talk: Talk, body: int, out: int) -> None:
    """One drop-off. What is false of the order or the document is a MalformedError."""
    form = Form(body, talk.hear().text("boundary", limit=MAX_BOUNDARY))
    given = OrderFile.load(form.order())
    order = DropOffOrder.parse(UnverifiedOrder.parse(given.order).untrusted_jws.payload)
    # whether its signature is good, the service asks
    if sealed_length(given.metadata.length) != order.length:
        raise differs()
    talk.say({"order": given.order})
    task = talk.hear()
    document = Document(form, given.metadata.length)
    if task.has("check"):
        while document.read(CHUNK):
            pass
        require_promised(document, given, order)
        form.finish()
        talk.say({"checked": True})
        return
    task = task.inner("frame")
    upload = task.text("upload", limit=32)
    frame = read_frame(task, order)
    key = new_key()
    with os.fdopen(out, "wb", buffering=0) as sink:
        made = seal_payload(document, sink, key)
        require_promised(document, given, order)
        form.finish()
    payload = Payload(sha256=made.sha256.hex(), length=made.length, upload=upload)
    sealed = seal_record(frame, key, payload, given.metadata)
    deed = RecordDroppedOff(sealed=sealed, order=given.order, salt=seal_salt(key, frame.r, given.salt))
    talk.say({"deed": deed.emit()})


def require_promised(document: Document, given: OrderFile, order: DropOffOrder) -> None:
    """The order's digest opens to this document and what is said of it."""
    found = ordered_digest(given.salt, given.metadata, document.sha256.digest()).hex()
    if document.length != given.metadata.length or found != order.digest:
        raise differs()


def read_frame(task: Fields, order: DropOffOrder) -> Frame:
    """What the service knows and the order does not say: who its author is, and which keys the seats have."""
    seats: dict[str, SeatPublic] = {}
    for at, item in task.items("seats", least=1, most=2048):
        row = Fields(item, at=at)
        seat = row.text("seat", limit=100)
        seats[seat] = SeatPublic(
            seat=seat,
            fingerprint=row.text("fingerprint", limit=64),
            opening_key=Point.decode(from_base64(row.text("opening_key", limit=64), field=at), field=at),
            kem_key=from_base64(row.text("kem_key", limit=2048), field=at),
        )
    return Frame(
        author=order.service.fingerprint,
        case=order.case,
        charter=order.charter,
        record=order.record,
        label=order.label,
        replaces=order.replaces,
        paths=[(terms, raw, tuple(seats[seat] for seat in terms.policy.seats)) for terms, raw in order.paths],
    )


def told(error: EscrowError) -> Json:
    """An error without any word that may be out of the plain file."""
    numbers = {name: value for name, value in error.fields.items() if isinstance(value, int)}
    field = str(error.fields.get("field", "order")).partition(".")[0]
    return {
        "too_large": isinstance(error, TooLargeError),
        "code": error.code,
        "numbers": numbers,
        "field": field if field in TOLD else "order",
    }


def main() -> NoReturn:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    talk = Talk(socket.socket(fileno=int(sys.argv[1])))
    try:
        work(talk, sys.stdin.fileno(), sys.stdout.fileno())
    except EscrowError as error:
        talk.say({"error": told(error)})
    except BrokenPipeError:
        pass  # the service has given it up
    os._exit(0)  # with all of its memory, and no words at the end


if __name__ == "__main__":
    main()
