"""The service's side of a drop-off: a sealer's process, what goes into it, and what comes out.

What the client sends passes through one buffer of this process on its way from the socket into the sealer's
pipe, and that buffer is overwritten: no plain byte is ever in an object that cannot be. What comes out is
ciphertext and public values, and errors without a word of the sender's (sealer.py).
"""

import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Thread
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from escrow.crypto.sealing import SeatPublic
from escrow.errors import EscrowError, MalformedError, TooLargeError, UnavailableError
from escrow.model.deeds import RecordDroppedOff
from escrow.model.drop_off import MAX_ORDER
from escrow.model.ids import UploadId
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64
from escrow.service.sealer import MAX_LINE, malformed

BUFFER = 64 * 1024


class PlainBody(Protocol):
    """The body of the request. `fill`: how many bytes came into the buffer, 0 at the end; OSError."""

    def fill(self, view: memoryview) -> int: ...


class SealingProcess:
    """One drop-off's sealer, from `with` to its end; then it is gone, however it went.

    UnavailableError `sealing_failed` where it ends without a word.
    """

    def __init__(self, body: PlainBody, boundary: str) -> None:
        self._body = body
        self._boundary = boundary
        self._feeder = Thread(target=self._feed, name="escrow-drop-off", daemon=True)

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        with theirs, _starting(ours):
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-I", "-m", "escrow.service.sealer", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={},
                bufsize=0,
            )
        self._line = ours
        self._file = ours.makefile("rb")
        self._feeder.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._feeder.join()  # its pipe is broken now, and a slow peer has its deadline
        self._file.close()
        self._line.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def require_order(self, raw: str) -> None:
        """Insist that the form holds the order, in compact form, that was judged.

        MalformedError `drop_off_form_malformed`, and what else is wrong with the form.
        """
        self._say({"boundary": self._boundary})
        if self._hear("order").text("order", limit=MAX_ORDER) != raw:
            raise malformed()

    def seal(self, upload: UploadId, seats: Iterable[SeatPublic]) -> BinaryIO:
        """Let it seal; the ciphertext as it comes. `deed` says afterwards whether all of it counts."""
        rows = [
            {
                "seat": seat.seat,
                "fingerprint": seat.fingerprint,
                "opening_key": to_base64(seat.opening_key.encode()),
                "kem_key": to_base64(seat.kem_key),
            }
            for seat in seats
        ]
        self._say({"frame": {"upload": upload, "seats": rows}})
        if self._process.stdout is None:
            raise ValueError("a sealer writes to a pipe")
        return _Ciphertext(self._process.stdout.fileno())  # type: ignore[return-value]

    def deed(self) -> RecordDroppedOff:
        """What was sealed, once all of the document had come and was the one that the order promises."""
        fields = self._hear("deed").inner("deed")
        deed = RecordDroppedOff.read(fields)
        fields.done()
        return deed

    def check(self) -> None:
        """Seal nothing: insist that the document is the one that the order promises."""
        self._say({"check": True})
        self._hear("checked")

    def _say(self, message: Json) -> None:
        try:
            self._line.sendall(encode_json(message) + b"\n")
        except OSError as error:
            raise UnavailableError("sealing_failed") from error

    def _hear(self, expected: str) -> Fields:
        try:
            raw = self._file.readline(MAX_LINE)
        except OSError as error:  # it died with a line of ours unread
            raise UnavailableError("sealing_failed") from error
        if not raw.endswith(b"\n"):
            raise UnavailableError("sealing_failed")
        fields = Fields(decode_json(raw, limit=MAX_LINE, field="line"))
        if fields.has("error"):
            raise _error(fields.inner("error"))
        if not fields.has(expected):
            raise UnavailableError("sealing_failed")
        return fields

    def _feed(self) -> None:
        """From the client to the sealer, until either has hung up."""
        pipe = self._process.stdin
        buffer = bytearray(BUFFER)
        try:
            with memoryview(buffer) as view:
                while pipe is not None and (count := self._body.fill(view)):
                    rest = view[:count]
                    while rest:
                        rest = rest[os.write(pipe.fileno(), rest) :]
                    view[:count] = bytes(count)  # it may wait long for more
        except OSError:
            pass  # the sealer says what is missing, or is not asked any more
        finally:
            buffer[:] = bytes(BUFFER)
            if pipe is not None:
                pipe.close()


@contextmanager
def _starting(ours: socket.socket) -> Iterator[None]:
    """A machine without room for another process refuses the drop-off."""
    try:
        yield
    except OSError as error:
        ours.close()
        raise UnavailableError("sealing_failed") from error


class _Ciphertext(io.RawIOBase):
    """What the sealer writes, until it closes its end."""

    def __init__(self, pipe: int) -> None:
        super().__init__()
        self._pipe = pipe

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.fill(memoryview(buffer).cast("B"))

    def fill(self, view: memoryview) -> int:
        return os.readv(self._pipe, [view]) if view else 0


def _error(fields: Fields) -> EscrowError:
    """A refusal of the sealer's as its own family, from what it may tell."""
    code, where = fields.text("code", limit=100), fields.text("field", limit=100)
    numbers = fields.take("numbers")
    facts = {str(name): value for name, value in numbers.items()} if isinstance(numbers, dict) else {}
    family = TooLargeError if fields.flag("too_large") else MalformedError
    return family(code, **{"field": where, **facts})
