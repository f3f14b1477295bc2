"""Texts under the case key, field by field: one pair of functions a field, so that a text's place is said
once.

| field | where (after the field's name) |
|---|---|
| prose: JSON of title and rules | nothing: the case has no id yet |
| alone | path's name (likewise) |
| label | case, record |
| a path's purpose | case, record, path |
| a request's purpose | case, record, path, author's fingerprint |
| note | case, author's fingerprint |
| reason of a withdrawal | case, request, seat |

A text that does not decrypt is shown as None, never as an error: the chain is genuine, its author wrote
nonsense, and nobody's sight of the rest may depend on that. Characters that could move a terminal's cursor
are taken out by whoever prints.
"""

from dataclasses import dataclass, replace

from escrow.errors import EscrowError
from escrow.model.case_key import CaseKey, Place, place
from escrow.model.charter import Charter
from escrow.model.wire import Fields, decode_json, encode_json

MAX_PROSE_TEXT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """The parts of a charter that only its seats read."""

    title: str
    rules: str


def seal_prose(key: CaseKey, *, title: str, rules: str) -> bytes:
    """Title and rules of a charter, as one text. MalformedError as `CaseKey.seal_text`, here and below."""
    text = encode_json({"title": title, "rules": rules}).decode()
    return key.seal_text(text, place(Place.PROSE))


def open_prose(key: CaseKey | None, sealed: bytes) -> Prose | None:
    """None: no key, or it does not decrypt to title and rules."""
    text = _open(key, sealed, place(Place.PROSE))
    if text is None:
        return None
    try:
        fields = Fields(decode_json(text.encode(), limit=MAX_PROSE_TEXT, field="prose"), at="prose")
        prose = Prose(
            title=fields.text("title", limit=MAX_PROSE_TEXT), rules=fields.text("rules", limit=MAX_PROSE_TEXT)
        )
        fields.done()
    except EscrowError:
        return None
    return prose


def seal_alone(key: CaseKey, path: str, text: str) -> bytes:
    """Why the parties agree that one side may open by this path."""
    return key.seal_text(text, place(Place.ALONE, path))


def open_alone(key: CaseKey | None, path: str, sealed: bytes | None) -> str | None:
    """None: nothing was said, no key, or it does not decrypt."""
    return _open(key, sealed, place(Place.ALONE, path))


def seal_label(key: CaseKey, case: str, record: str, text: str) -> bytes:
    """What a depositor calls a record."""
    return key.seal_text(text, place(Place.LABEL, case, record))


def open_label(key: CaseKey | None, case: str, record: str, sealed: bytes) -> str | None:
    """None: no key, or it does not decrypt."""
    return _open(key, sealed, place(Place.LABEL, case, record))


def seal_path_purpose(key: CaseKey, case: str, record: str, path: str, text: str) -> bytes:
    """What a depositor wants a path to be used for."""
    return key.seal_text(text, place(Place.PATH_PURPOSE, case, record, path))


def open_path_purpose(
    key: CaseKey | None, case: str, record: str, path: str, sealed: bytes | None
) -> str | None:
    """None: nothing was said, no key, or it does not decrypt."""
    return _open(key, sealed, place(Place.PATH_PURPOSE, case, record, path))


def seal_request_purpose(key: CaseKey, case: str, record: str, path: str, author: str, text: str) -> bytes:
    """Why a release is asked for."""
    return key.seal_text(text, place(Place.REQUEST_PURPOSE, case, record, path, author))


def open_request_purpose(
    key: CaseKey | None, case: str, record: str, path: str, author: str, sealed: bytes
) -> str | None:
    """None: no key, or it does not decrypt."""
    return _open(key, sealed, place(Place.REQUEST_PURPOSE, case, record, path, author))


def seal_note(key: CaseKey, case: str, author: str, text: str) -> bytes:
    """A note to all seats."""
    return key.seal_text(text, place(Place.NOTE, case, author))


def open_note(key: CaseKey | None, case: str, author: str, sealed: bytes) -> str | None:
    """None: no key, or it does not decrypt."""
    return _open(key, sealed, place(Place.NOTE, case, author))


def seal_reason(key: CaseKey, case: str, request: str, seat: str, text: str) -> bytes:
    """Why a seat takes its sign-off back."""
    return key.seal_text(text, place(Place.REASON, case, request, seat))


def open_reason(key: CaseKey | None, case: str, request: str, seat: str, sealed: bytes | None) -> str | None:
    """Empty: none was given. None: no key, or it does not decrypt."""
    return "" if sealed is None else _open(key, sealed, place(Place.REASON, case, request, seat))


def _open(key: CaseKey | None, sealed: bytes | None, at: bytes) -> str | None:
    if key is None or sealed is None:
        return None
    try:
        return key.open_text(sealed, at)
    except EscrowError:
        return None


def what_it_says(key: CaseKey, charter: Charter) -> tuple[object, ...]:
    """A charter for comparison: what is sealed in it in the clear, since no two ciphertexts are alike."""
    sealed = tuple((path.alone is None, open_alone(key, path.name, path.alone)) for path in charter.paths)
    paths = tuple(replace(path, alone=None) for path in charter.paths)
    rest = (
        charter.retention_days,
        charter.deadlock,
        charter.visibility,
        charter.public_notice,
        charter.drop_off,
    )
    parties = (charter.service, charter.convenor, tuple(charter.seats.items()))
    return open_prose(key, charter.prose), sealed, paths, rest, parties
