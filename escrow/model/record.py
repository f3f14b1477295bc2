"""A sealed record as its depositor states it: payload, metadata, commitment, and a dealing for each path.

The body travels as one base64url string inside the statement, since the digests of the dealings cover its
exact bytes. Rules (numbered as in README.md):

 R1  A record has 1 to 8 paths, each with a name of its own, each with one dealing over the leaves of its
     policy in order.
 R2  No E occurs twice in a statement.
 R3  A path's terms travel as exact bytes; the seats' keys are those in force, so they are not repeated here.
 R4  The body names its author, so that the dealings' proofs cover who deposits. Otherwise a seat could sign
     another's sealing as its own, and be handed shares of it under a harmless label.
 R5  Every path says its context c, so that the depositor's signature covers which keys its seats had.
     Otherwise a seat that signed two acceptances could show an honest dealing over keys not meant by it.
"""

from dataclasses import dataclass

from escrow.crypto.dealing import Dealing
from escrow.crypto.envelope import Envelope
from escrow.crypto.group import Point
from escrow.crypto.metadata import SEALED_METADATA_BYTES
from escrow.crypto.sealing import SealedPath
from escrow.errors import MalformedError, RefusedError
from escrow.model.case_key import read_sealed
from escrow.model.ids import (
    FINGERPRINT_BYTES,
    HASH_BYTES,
    RECORD_BYTES,
    UPLOAD_BYTES,
    Fingerprint,
    Hash,
    RecordId,
    UploadId,
)
from escrow.model.path import MAX_TERMS, PathTerms
from escrow.model.wire import Fields, Json, decode_json, encode_json, to_base64

MAX_RECORD_PATHS = 8
MAX_LEAVES = 256
MAX_BODY = 3 * 1024 * 1024
"""8 paths of 64 seats, or 4 of 256, at about 1.6 KB a seat (its ML-KEM ciphertext is most of that)."""
MAX_PAYLOAD = 2**50
KEM_CIPHERTEXT_BYTES = 1088
WRAPPED_BYTES = 32 + 16
PROOF_BYTES = 64
PAYLOAD_FORMAT = "escrow.payload.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The encrypted bytes, `length` of them. `sha256` is the evidence, `upload` only where they were put."""

    sha256: Hash
    length: int
    upload: UploadId

    @classmethod
    def read(cls, fields: Fields) -> "Payload":
        fields.choice("format", (PAYLOAD_FORMAT,))
        sha256 = fields.hex("sha256", size=HASH_BYTES)
        length = fields.integer("length", least=1, most=MAX_PAYLOAD)
        upload = fields.hex("upload", size=UPLOAD_BYTES)
        fields.done()
        return cls(sha256=sha256, length=length, upload=upload)

    def emit(self) -> Json:
        return {"format": PAYLOAD_FORMAT, "sha256": self.sha256, "length": self.length, "upload": self.upload}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPath:
    """One release path of a record: its terms, their exact bytes, and what was sealed under them.

    `context` is c as the depositor computed it; only the ledger can say whether it is true (R5).
    """

    terms: PathTerms
    terms_raw: bytes
    context: bytes
    sealed: SealedPath

    @property
    def name(self) -> str:
        return self.terms.name

    @classmethod
    def read(cls, fields: Fields) -> "RecordPath":
        terms_raw = fields.data("terms", limit=MAX_TERMS)
        terms = PathTerms.parse(terms_raw)
        context = fields.data("context", size=HASH_BYTES)
        leaves = len(terms.policy.seats)
        E = Point.decode(fields.data("E", size=32), field=fields.name("E"))
        shares = tuple(
            Point.decode(Fields({"C": item}, at=at).data("C", size=32), field=at)
            for at, item in fields.items("C", least=leaves, most=leaves)
        )
        p_hash = fields.data("p_hash", size=HASH_BYTES)
        envelopes = tuple(
            read_envelope(Fields(item, at=at))
            for at, item in fields.items("envelopes", least=leaves, most=leaves)
        )
        key_wrap = fields.data("key_wrap", size=WRAPPED_BYTES)
        fields.done()
        sealed = SealedPath(
            dealing=Dealing(E=E, C=shares), p_hash=p_hash, envelopes=envelopes, key_wrap=key_wrap
        )
        return cls(terms=terms, terms_raw=terms_raw, context=context, sealed=sealed)

    def emit(self) -> Json:
        return {
            "terms": to_base64(self.terms_raw),
            "context": to_base64(self.context),
            "E": to_base64(self.sealed.dealing.E.encode()),
            "C": [to_base64(share.encode()) for share in self.sealed.dealing.C],
            "p_hash": to_base64(self.sealed.p_hash),
            "envelopes": [emit_envelope(envelope) for envelope in self.sealed.envelopes],
            "key_wrap": to_base64(self.sealed.key_wrap),
        }


def read_envelope(fields: Fields) -> Envelope:
    """Out of the JSON of a record. MalformedError: a field is missing, unknown or of another size."""
    ciphertext = fields.data("ciphertext", size=KEM_CIPHERTEXT_BYTES)
    wrapped = fields.data("wrapped", size=WRAPPED_BYTES)
    fields.done()
    return Envelope(ciphertext=ciphertext, wrapped=wrapped)


def emit_envelope(envelope: Envelope) -> Json:
    """The JSON that `read_envelope` reads: `ciphertext` and `wrapped`, base64url."""
    return {"ciphertext": to_base64(envelope.ciphertext), "wrapped": to_base64(envelope.wrapped)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBody:
    """Everything public about a record. `author`: fingerprint of whoever sealed it, and must sign it.

    `replaces` names the record this one corrects; `label` is a text under the case key; `metadata` is sealed
    under the record key K; `commitment` is H(r, K).
    """

    record: RecordId
    author: Fingerprint
    charter: Hash
    label: bytes
    replaces: RecordId | None
    payload: Payload
    metadata: bytes
    commitment: bytes
    paths: tuple[RecordPath, ...]

    def __post_init__(self) -> None:
        names = [path.name for path in self.paths]
        if len(set(names)) != len(names):
            raise MalformedError("path_name_twice", field="body.paths")
        ephemeral = [path.sealed.dealing.E.encode() for path in self.paths]
        if len(set(ephemeral)) != len(ephemeral):
            raise RefusedError("dealing_key_reused", field="body.paths")

    def path(self, name: str) -> RecordPath:
        for path in self.paths:
            if path.name == name:
                return path
        raise RefusedError("path_not_in_record", path=name, paths=tuple(path.name for path in self.paths))

    @classmethod
    def parse(cls, raw: bytes) -> "RecordBody":
        fields = Fields(decode_json(raw, limit=MAX_BODY, field="body"), at="body")
        record = fields.hex("record", size=RECORD_BYTES)
        author = fields.hex("author", size=FINGERPRINT_BYTES)
        charter = fields.hex("charter", size=HASH_BYTES)
        label = read_sealed(fields, "label")
        replaces = fields.maybe("replaces", lambda key: fields.hex(key, size=RECORD_BYTES))
        payload = Payload.read(fields.inner("payload"))
        metadata = fields.data("metadata", size=SEALED_METADATA_BYTES)
        commitment = fields.data("commitment", size=HASH_BYTES)
        paths = tuple(
            RecordPath.read(Fields(item, at=at))
            for at, item in fields.items("paths", least=1, most=MAX_RECORD_PATHS)
        )
        fields.done()
        return cls(
            record=record,
            author=author,
            charter=charter,
            label=label,
            replaces=replaces,
            payload=payload,
            metadata=metadata,
            commitment=commitment,
            paths=paths,
        )

    def encode(self) -> bytes:
        return encode_json(
            {
                "record": self.record,
                "author": self.author,
                "charter": self.charter,
                "label": to_base64(self.label),
                "replaces": self.replaces,
                "payload": self.payload.emit(),
                "metadata": to_base64(self.metadata),
                "commitment": to_base64(self.commitment),
                "paths": [path.emit() for path in self.paths],
            }
        )
