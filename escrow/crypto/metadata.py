"""What a record's file is called and how long it truly is: encrypted beside the payload, read by openers
only.

Canonical JSON (keys sorted, no blanks between, UTF-8 unescaped) filled up with blanks to one size for all, so
that its ciphertext tells nothing of the title's length. XChaCha20-Poly1305 under a labelled use of the record
key K with a random nonce, associated data r (see sealing), so that it opens in its own record only. Rules, as
numbered in this room's README:

M1 the ciphertext has its one size, and is genuine for K and r
M2 exactly the four fields, in exactly the bytes that we would write for them
M3 title and file name have bytes, are not empty, and hold no control, line or direction-override characters
M4 the file name is a bare name, so that it cannot leave a folder: no / \\ : and no leading dot; and one that
   every system keeps as it is and no program takes for an option or a home: none of < > " | ? *, nothing
   invisible but the joiners that scripts need, no leading - or ~, no blank at either end, no dot at its end,
   none of the names that Windows gives to devices
M5 the media type is type/subtype in lower case (RFC 6838), without parameters

M6, that a record with bad metadata opens nevertheless, is in payload.py.
"""

import json
import re
import unicodedata
from dataclasses import dataclass, field

from escrow.crypto import aead
from escrow.crypto.padding import MAX_PLAIN_BYTES
from escrow.crypto.transcript import Label, kdf
from escrow.errors import ForgedError, MalformedError, TooLargeError

FORMAT = "escrow.metadata.v1"

MAX_TITLE_BYTES = 512
MAX_FILENAME_BYTES = 255  # of every usual file system
MAX_MEDIA_TYPE_BYTES = 255  # RFC 6838 section 4.2: 127 on each side
METADATA_BYTES = 2048
"""Holds the longest of everything, even if every character of the title and file name is an escaped quote."""
SEALED_METADATA_BYTES = aead.NONCE_BYTES + METADATA_BYTES + aead.TAG_BYTES

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
_JOINERS = frozenset("\u200c\u200d")  # Persian and Indic scripts cannot be written without them
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\xb9\xb2\xb3])\s*(\.|$)", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """`length` is the payload's true length in bytes. Title and file name stay out of logs.

    MalformedError `metadata_malformed`, `metadata_unprintable`, `filename_not_bare`, `filename_not_portable`;
    TooLargeError `metadata_too_large`; each names `field`.
    """

    title: str = field(repr=False)
    filename: str = field(repr=False)
    media_type: str
    length: int

    def __post_init__(self) -> None:
        _check_text(self.title, limit=MAX_TITLE_BYTES, name="title")
        _check_text(self.filename, limit=MAX_FILENAME_BYTES, name="filename")
        _check_filename(self.filename)
        _check_text(self.media_type, limit=MAX_MEDIA_TYPE_BYTES, name="media_type")
        if not _MEDIA_TYPE.fullmatch(self.media_type):
            raise MalformedError("metadata_malformed", field="media_type")
        if type(self.length) is not int or self.length < 0:  # bool is an int, too
            raise MalformedError("metadata_malformed", field="length")
        if self.length > MAX_PLAIN_BYTES:
            raise TooLargeError("metadata_too_large", field="length", limit=MAX_PLAIN_BYTES)

    @classmethod
    def parse(cls, raw: bytes) -> "Metadata":
        """Rules M2 to M5. Comparing with our own spelling refuses repeated keys, blanks and 1.0 at once."""
        try:
            fields = json.loads(raw.decode())
        except (ValueError, RecursionError):
            raise MalformedError("metadata_malformed", field="metadata") from None
        if not isinstance(fields, dict) or fields.keys() != set(cls.__slots__):
            raise MalformedError("metadata_malformed", field="metadata")
        metadata = cls(**fields)
        if metadata.emit() != raw:
            raise MalformedError("metadata_malformed", field="metadata")
        return metadata

    def emit(self) -> bytes:
        """The one spelling, METADATA_BYTES long."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return text.encode().ljust(METADATA_BYTES)


def _check_text(value: object, *, limit: int, name: str) -> None:
    if not isinstance(value, str) or not value:
        raise MalformedError("metadata_malformed", field=name)
    try:
        raw = value.encode()
    except UnicodeEncodeError:  # lone surrogates
        raise MalformedError("metadata_unprintable", field=name) from None
    if len(raw) > limit:
        raise TooLargeError("metadata_too_large", field=name, limit=limit)
    if _UNPRINTABLE.search(value):
        raise MalformedError("metadata_unprintable", field=name)


def _check_filename(name: str) -> None:
    """Rule M4."""
    if any(unicodedata.category(char) in _INVISIBLE and char not in _JOINERS for char in name):
        raise MalformedError("metadata_unprintable", field="filename")
    if name.startswith(".") or not {*"/\\:"}.isdisjoint(name):
        raise MalformedError("filename_not_bare", field="filename")
    odd_ends = name.startswith(("-", "~")) or name.endswith(".") or name != name.strip()
    if odd_ends or not {*'<>"|?*'}.isdisjoint(name) or _DEVICE.match(name):
        raise MalformedError("filename_not_portable", field="filename")


def seal_metadata(key: bytes, r: bytes, metadata: Metadata) -> bytes:
    """`key` is the record key K; `r` the record's context. SEALED_METADATA_BYTES long, always."""
    return aead.seal_random(_metadata_key(key), metadata.emit(), r)


def open_metadata(key: bytes, r: bytes, sealed: bytes) -> Metadata:
    """Undo `seal_metadata`, rules M1 to M5. MalformedError `metadata_length`, ForgedError `metadata_false`
    (another key or record, or changed bytes), and what Metadata refuses.
    """
    return Metadata.parse(_open(key, r, sealed))


def salvage_length(key: bytes, r: bytes, sealed: bytes) -> int | None:
    """The length that refused metadata states, where it is genuine and states one: a bad file name is no
    reason to keep the document's padding.
    """
    try:
        length = json.loads(_open(key, r, sealed).decode())["length"]
    except (MalformedError, ForgedError, ValueError, RecursionError, LookupError, TypeError):
        return None
    return length if type(length) is int and 0 <= length <= MAX_PLAIN_BYTES else None


def _open(key: bytes, r: bytes, sealed: bytes) -> bytes:
    """Rule M1."""
    if len(sealed) != SEALED_METADATA_BYTES:
        raise MalformedError("metadata_length", field="metadata", expected=SEALED_METADATA_BYTES)
    try:
        return aead.open_random(_metadata_key(key), sealed, r)
    except ForgedError:
        raise ForgedError("metadata_false") from None


def _metadata_key(key: bytes) -> bytes:
    return kdf(Label.METADATA_KEY, key, FORMAT.encode())
