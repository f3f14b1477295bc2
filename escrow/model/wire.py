"""Read and write the JSON of statements: strictly, field by field, every length bounded.

Knows the shapes of values (hex, base64url, times), not what they mean. Whatever is not exactly of the format
is a MalformedError that names the field; unknown fields, repeated keys, floats and non-canonical base64url
are refused. Bytes that were signed are never made from parsed values again: callers keep what they received.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from escrow.errors import MalformedError, TooLargeError

T = TypeVar("T")
Json = dict[str, Any]

MAX_INTEGER = 2**53 - 1
"""JSON integers beyond this do not survive every parser (RFC 8259 section 6)."""

MAX_ITEMS = 65_536
"""Values in one JSON text, however long it may be (commas in texts count, too). Parsed, a list of three bytes
takes seventy, so bytes alone bound no memory. A list of 10,000 parts of an upload needs 50,000, the largest
charter 14,000, the largest bundle 11,000."""

FIRST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(2300, 1, 1, tzinfo=UTC)
"""No case is older, none seals for longer. At the ends of a calendar conversion to local time fails."""

MAX_SHOWN_NAME = 200
"""Characters of an unknown field's name that an error repeats."""

_BEFORE_A_VALUE = (b",", b"[", b"{")  # every value but the outermost follows one, or its name does
_HEX = re.compile(r"[0-9a-f]*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def to_base64(raw: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64(text: str, *, field: str) -> bytes:
    """Decode canonical base64url without padding; a second spelling of the same bytes is refused."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("field_not_base64url", field=field) from error
    if to_base64(raw) != text:
        raise MalformedError("field_not_base64url", field=field)
    return raw


def to_time(moment: datetime) -> str:
    """An aware time as RFC 3339 in UTC with milliseconds and `Z`; the rest of the second is cut off."""
    if moment.tzinfo is None:  # it would be taken for local time in silence
        raise ValueError("a time must be aware")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_time(text: str, *, field: str) -> datetime:
    """Parse exactly what `to_time` prints, within the bounds of `check_time`."""
    if not _TIME.fullmatch(text):
        raise MalformedError("field_not_a_time", field=field)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise MalformedError("field_not_a_time", field=field) from error
    return check_time(moment, field=field)


def check_hex(text: str, *, size: int, field: str) -> str:
    """`size` bytes in lowercase hex."""
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        raise MalformedError("field_not_hex", field=field, bytes=size)
    return text


def check_text(value: object, *, limit: int, field: str) -> str:
    """A string of at most `limit` characters that has bytes: no lone surrogate stands in it."""
    if not isinstance(value, str):
        raise MalformedError("field_not_text", field=field)
    if len(value) > limit:
        raise TooLargeError("field_too_large", field=field, limit=limit)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("field_not_text", field=field) from error
    return value


def check_count(count: int, *, least: int, most: int, field: str) -> None:
    """How many items a list may have."""
    if not least <= count <= most:
        raise MalformedError("field_wrong_count", field=field, least=least, most=most)


def check_time(moment: datetime, *, field: str) -> datetime:
    """An aware time in whole milliseconds, years 2000 to 2299: what is printed is what was meant."""
    if moment.tzinfo is None or moment.microsecond % 1000:
        raise MalformedError("field_not_a_time", field=field)
    if not FIRST_TIME <= moment < END_OF_TIME:
        raise MalformedError("time_out_of_range", field=field)
    return moment


def encode_json(value: Json) -> bytes:
    """Compact UTF-8 JSON with sorted keys. MalformedError `field_not_text` for a text that has no bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return check_text(text, limit=len(text), field="json").encode()


def decode_json(raw: bytes, *, limit: int, field: str, items: int = MAX_ITEMS) -> Json:
    """Parse one JSON object of at most `limit` bytes and `items` values."""
    if len(raw) > limit:
        raise TooLargeError("field_too_large", field=field, limit=limit)
    if sum(map(raw.count, _BEFORE_A_VALUE)) > items:
        raise TooLargeError("json_too_many_items", field=field, limit=items)

    def refuse(_: str) -> Any:
        raise ValueError("number")

    def whole(digits: str) -> int:
        if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
            raise ValueError("number")
        return int(digits)

    def once(pairs: list[tuple[str, Any]]) -> Json:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("repeated key")
        return found

    try:
        value = json.loads(
            raw.decode(), parse_float=refuse, parse_constant=refuse, parse_int=whole, object_pairs_hook=once
        )
    except (ValueError, RecursionError) as error:
        raise MalformedError("field_not_json", field=field) from error
    if not isinstance(value, dict):
        raise MalformedError("field_not_an_object", field=field)
    return value


class Fields:
    """One JSON object being read. Take every field, then call `done`: what was not taken is refused."""

    def __init__(self, value: object, *, at: str = "") -> None:
        if not isinstance(value, dict):
            raise MalformedError("field_not_an_object", field=at or "body")
        self._left: Json = dict(value)
        self._at = at

    def name(self, key: str) -> str:
        """The full name of a field, as errors give it: `charter.paths[2].policy`."""
        return f"{self._at}.{key}" if self._at else key

    def has(self, key: str) -> bool:
        """The field is there and was not read yet."""
        return key in self._left

    def take(self, key: str) -> object:
        if key not in self._left:
            raise MalformedError("field_missing", field=self.name(key))
        return self._left.pop(key)

    def done(self) -> None:
        if self._left:
            shown = ascii(min(self._left))[1:-1]  # foreign: escaped, it may reach a terminal
            raise MalformedError("field_unknown", field=self.name(shown)[:MAX_SHOWN_NAME])

    def text(self, key: str, *, limit: int) -> str:
        """A string of at most `limit` characters, which may be empty."""
        return check_text(self.take(key), limit=limit, field=self.name(key))

    def hex(self, key: str, *, size: int) -> str:
        return check_hex(self.text(key, limit=2 * size), size=size, field=self.name(key))

    def data(self, key: str, *, size: int | None = None, limit: int | None = None) -> bytes:
        """Base64url of exactly `size` bytes, or of at most `limit`."""
        most = size if size is not None else limit
        if most is None:
            raise TypeError("data needs a size or a limit")
        raw = from_base64(self.text(key, limit=(most * 4 + 2) // 3), field=self.name(key))
        if size is not None and len(raw) != size:
            raise MalformedError("field_wrong_length", field=self.name(key), bytes=size)
        return raw

    def integer(self, key: str, *, least: int, most: int) -> int:
        value = self.take(key)
        if type(value) is not int:
            raise MalformedError("field_not_an_integer", field=self.name(key))
        if not least <= value <= most:
            raise MalformedError("field_out_of_range", field=self.name(key), least=least, most=most)
        return value

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise MalformedError("field_not_a_boolean", field=self.name(key))
        return value

    def time(self, key: str) -> datetime:
        return from_time(self.text(key, limit=40), field=self.name(key))

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key, limit=200)
        if value not in allowed:
            raise MalformedError("field_not_a_choice", field=self.name(key), allowed=allowed)
        return value

    def maybe(self, key: str, read: Callable[[str], T]) -> T | None:
        """`read(key)` unless the field holds null (it must be there)."""
        if key in self._left and self._left[key] is None:
            del self._left[key]
            return None
        return read(key)

    def items(self, key: str, *, least: int, most: int) -> list[tuple[str, object]]:
        """A list of `least` to `most` items, each with its full name."""
        value = self.take(key)
        if not isinstance(value, list):
            raise MalformedError("field_not_a_list", field=self.name(key))
        check_count(len(value), least=least, most=most, field=self.name(key))
        return [(f"{self.name(key)}[{i}]", item) for i, item in enumerate(value)]

    def inner(self, key: str) -> "Fields":
        return Fields(self.take(key), at=self.name(key))

    def texts(self, key: str, *, least: int, most: int, limit: int) -> tuple[str, ...]:
        """A list of strings."""
        rows = self.items(key, least=least, most=most)
        return tuple(check_text(item, limit=limit, field=at) for at, item in rows)
