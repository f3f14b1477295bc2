"""What the worker itself reads of a drop-off's form: the signed order, and nothing else.

The order is for the ledger; title, file name and salt, which lie beside it in the form's first part, and the
document are for the sealer alone (X3). So the form's beginning is read into one buffer, in which the order is
looked for: no other word of it becomes an object of this process. From there it goes on to the sealer, and
the buffer is overwritten. The sealer reads the form as a form, and says whether this was its order
(sealing_process.py); here nothing else is refused but what has no order.
"""

import re
from types import TracebackType
from typing import Final, Self

from escrow.errors import MalformedError
from escrow.model.drop_off import MAX_ORDER_FILE
from escrow.service.sealer import MAX_HEADERS, malformed
from escrow.service.sealing_process import BUFFER, PlainBody

MOST: Final = MAX_ORDER_FILE + MAX_HEADERS
"""Bytes of the form within which the order ends."""
_KEY: Final = b'"order"'
"""As the form's own lines say it too, but there no colon follows; nor does one follow a text of the JSON."""
_COLON: Final = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"')
_COMPACT: Final = re.compile(rb"[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+")


class OrderAhead:
    """The body of a drop-off, whose order may be read before anything else is done with it."""

    def __init__(self, body: PlainBody, boundary: str) -> None:
        self._body = body
        self._end = f"--{boundary}--".encode("ascii")
        self._buffer = bytearray(MOST)
        self._filled = 0
        self._passed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._buffer[:] = bytes(MOST)

    def order(self) -> str:
        """The order in compact form, nothing of it checked.

        MalformedError `drop_off_form_malformed`, `drop_off_cut_short`.
        """
        key = start = 0
        while not _COLON.fullmatch(self._buffer, key, start):
            key = self._behind(_KEY, key)
            start = self._behind(b'"', key)
        end = self._behind(b'"', start) - 1
        if not _COMPACT.fullmatch(self._buffer, start, end):
            raise malformed()
        return self._buffer[start:end].decode("ascii")

    def fill(self, view: memoryview) -> int:
        """The whole body, as a `PlainBody`: first what was read ahead, which is overwritten here."""
        count = min(len(view), self._filled - self._passed)
        if count == 0:
            return self._body.fill(view)
        taken = slice(self._passed, self._passed + count)
        with memoryview(self._buffer) as held:
            view[:count] = held[taken]
            held[taken] = bytes(count)
        self._passed += count
        return count

    def _behind(self, mark: bytes, start: int) -> int:
        """Where the next `mark` from `start` on ends, once it is here."""
        at = start
        while (found := self._buffer.find(mark, at, self._filled)) < 0:
            at = max(start, self._filled - len(mark) + 1)
            self._read_more()
        return found + len(mark)

    def _read_more(self) -> None:
        if self._filled == MOST:
            raise malformed()
        try:
            with memoryview(self._buffer) as view:
                count = self._body.fill(view[self._filled :][:BUFFER])
        except OSError:
            count = 0
        if count == 0:
            is_whole = self._buffer.find(self._end, 0, self._filled) >= 0
            raise malformed() if is_whole else MalformedError("drop_off_cut_short", field="request")
        self._filled += count
