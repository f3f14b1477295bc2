"""A fetched release in a folder: beside `bundle.json` and `payload` lies `release.json`, which says of what.

It is a label on a parcel, signed by nobody: whoever opens the folder checks everything in it against the case
that the label names, and is shown that case.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from escrow.client.disk import renamed
from escrow.crypto.landing import landing
from escrow.errors import MalformedError, RefusedError
from escrow.model.charter import MAX_URL
from escrow.model.ids import CASE_BYTES, HASH_BYTES, CaseId, Hash
from escrow.model.wire import Fields, decode_json, encode_json

BUNDLE_NAME, PAYLOAD_NAME = "bundle.json", "payload"
FORMAT = "escrow.release.v1"
LABEL_NAME = "release.json"
MAX_LABEL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Which release, and the address of the service that keeps it (empty where nobody said)."""

    service: str
    case: CaseId
    request: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """The two files to open a release from, without its service."""

    bundle: Path
    payload: Path


def parcel_in(folder: Path) -> Parcel:
    """Where the two files of a release lie in a folder that `fetch_release` wrote."""
    return Parcel(bundle=folder / BUNDLE_NAME, payload=folder / PAYLOAD_NAME)


def write_label(folder: Path, of: Release) -> None:
    """RefusedError `file_exists` where a file of the label's name is not this release's; SetupError."""
    path = folder / LABEL_NAME
    if os.path.lexists(path) and not _is_label(path, of):
        raise RefusedError("file_exists", file=path.name)
    label = {"format": FORMAT, "service": of.service, "case": of.case, "request": of.request}
    with landing(path, overwrite=True) as file:
        file.write(encode_json(label) + b"\n")


def _is_label(path: Path, of: Release) -> bool:
    try:
        found = read_label(path.parent)
    except MalformedError:
        return False
    return (found.case, found.request) == (of.case, of.request)


def read_label(folder: Path) -> Release:
    """SetupError `file_unreadable` where the folder has none; MalformedError."""
    with renamed("file_unreadable"), (folder / LABEL_NAME).open("rb") as file:
        return parse_label(file.read(MAX_LABEL + 1))


def parse_label(raw: bytes) -> Release:
    """MalformedError that names the field."""
    fields = Fields(decode_json(raw, limit=MAX_LABEL, field="release"), at="release")
    fields.choice("format", (FORMAT,))
    release = Release(
        service=fields.text("service", limit=MAX_URL),
        case=fields.hex("case", size=CASE_BYTES),
        request=fields.hex("request", size=HASH_BYTES),
    )
    fields.done()
    return release
