"""A record whose metadata its author made useless still opens, under a name of ours, with the fault named."""

import hashlib
import io
import json

import pytest

from escrow.crypto import aead, metadata, payload
from escrow.crypto.payload import Metadata, describe, open_payload, seal_metadata, seal_payload
from escrow.crypto.transcript import Label, kdf
from escrow.errors import ForgedError

K, R = bytes(range(32)), bytes(32)
NAME = "record-0123456789ab"
DOCUMENT = b"an offer, and a zero\0"
GOOD = Metadata(title="Offer", filename="offer.pdf", media_type="application/pdf", length=len(DOCUMENT))
PADDED = 4096


def sealed_document() -> tuple[bytes, payload.SealedPayload]:
    sink = io.BytesIO()
    facts = seal_payload(io.BytesIO(DOCUMENT), sink, K)
    return sink.getvalue(), facts


def by_hand(**changed: object) -> bytes:
    """Metadata as an author without our program would seal it."""
    fields = {
        "filename": "offer.pdf",
        "length": len(DOCUMENT),
        "media_type": "a/b",
        "title": "Offer",
    } | changed
    raw = json.dumps(fields).encode().ljust(metadata.METADATA_BYTES)
    return aead.seal_random(kdf(Label.METADATA_KEY, K, b"escrow.metadata.v1"), raw, R)


def garbage(raw: bytes) -> bytes:
    filled = raw.ljust(metadata.METADATA_BYTES)
    return aead.seal_random(kdf(Label.METADATA_KEY, K, b"escrow.metadata.v1"), filled, R)


def opened(sealed: bytes) -> tuple[payload.Description, bytes]:
    raw, facts = sealed_document()
    found, sink = describe(K, R, sealed, sealed_length=facts.length, name=NAME), io.BytesIO()
    open_payload(
        io.BytesIO(raw),
        sink,
        K,
        plain_length=found.metadata.length,
        sealed_length=facts.length,
        sha256=hashlib.sha256(raw).digest(),
    )
    return found, sink.getvalue()


def test_metadata_that_keeps_the_rules_is_taken_as_it_is() -> None:
    found, document = opened(seal_metadata(K, R, GOOD))
    assert (found.metadata, found.fault, document) == (GOOD, "", DOCUMENT)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (".bash_profile", "filename_not_bare"),
        ("CON", "filename_not_portable"),
        ("\x1b[2J", "metadata_unprintable"),
        (7, "metadata_malformed"),
    ],
)
def test_bad_file_name_keeps_nobody_from_the_document(name: object, code: str) -> None:
    found, document = opened(by_hand(filename=name))
    assert (found.fault, document) == (code, DOCUMENT)
    assert (found.metadata.filename, found.metadata.title) == (NAME, NAME)
    assert found.metadata.media_type == "application/octet-stream"


@pytest.mark.parametrize(
    "sealed",
    [
        garbage(b""),
        garbage(b"[]"),
        garbage(b"{}"),
        garbage(b"[" * 2000),
        garbage(b"\xff"),
        by_hand(length=-1),
        by_hand(length="7"),
        by_hand(length=True),
        by_hand(length=2**60, title=""),
        bytes(metadata.SEALED_METADATA_BYTES),
        b"",
    ],
    ids=range(11),
)
def test_metadata_that_states_no_length_leaves_the_document_with_its_padding(sealed: bytes) -> None:
    found, document = opened(sealed)
    assert found.fault in ("metadata_malformed", "metadata_false", "metadata_length")
    assert document == DOCUMENT.ljust(PADDED, b"\0")


@pytest.mark.parametrize("sealed", [by_hand(length=5000, title=""), by_hand(length=2**49, title="")])
def test_stated_length_of_bad_metadata_that_the_payload_cannot_have_counts_for_nothing(sealed: bytes) -> None:
    found, document = opened(sealed)
    assert (found.fault, len(document)) == ("metadata_malformed", PADDED)


def test_length_that_the_payload_cannot_have_keeps_nobody_from_the_document() -> None:
    said = Metadata(title="Offer", filename="offer.pdf", media_type="a/b", length=5000)
    found, document = opened(seal_metadata(K, R, said))
    assert (found.fault, found.metadata.filename) == ("payload_length_false", "offer.pdf")
    assert document == DOCUMENT.ljust(PADDED, b"\0")


@pytest.mark.parametrize("size", [1, 16, 17, 4096, 4111, 4113, 2 * 4112, 2**49])
def test_payload_of_a_length_that_none_has_is_refused(size: int) -> None:
    with pytest.raises(ForgedError) as caught:
        describe(K, R, seal_metadata(K, R, GOOD), sealed_length=size, name=NAME)
    assert (caught.value.code, caught.value.fields["found"]) == ("payload_length_false", size)
