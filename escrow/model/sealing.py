"""The steps of a sealing in their order, from a record key to the deed: S1 to S8 of escrow/crypto.

Whoever seals does it here: a party's client, and a service that carries out a drop-off order. K is in the
caller's hands and what is drawn on the way is forgotten when this returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from escrow.crypto.metadata import Metadata, seal_metadata
from escrow.crypto.sealing import (
    SeatPublic,
    commitment,
    dealing_digest,
    path_context,
    prove_path,
    record_context,
    seal_path,
)
from escrow.model.deeds import RecordSealed
from escrow.model.ids import CaseId, Fingerprint, Hash, RecordId
from escrow.model.path import PathTerms
from escrow.model.record import Payload, RecordBody, RecordPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a record is, apart from its bytes.

    `paths`: terms, their exact bytes, and the seats in the order of the leaves.
    """

    author: Fingerprint
    case: CaseId
    charter: Hash
    record: RecordId
    label: bytes
    replaces: RecordId | None
    paths: Sequence[tuple[PathTerms, bytes, tuple[SeatPublic, ...]]]

    @property
    def r(self) -> bytes:
        """The record's context, step S1."""
        return record_context(self.author, self.case, self.charter, self.record)


def seal_record(frame: Frame, K: bytes, payload: Payload, metadata: Metadata) -> RecordSealed:
    """Deal K by every path, and say so with proofs. `payload` is what was sealed under K."""
    r = frame.r
    committed = commitment(r, K)
    paths: list[RecordPath] = []
    secrets = []
    for terms, raw, seats in frame.paths:
        context = path_context(r, raw, seats)
        sealed, secret = seal_path(context, committed, K, terms.policy.shape, seats)
        paths.append(RecordPath(terms=terms, terms_raw=raw, context=context, sealed=sealed))
        secrets.append(secret)
    body = RecordBody(
        author=frame.author,
        record=frame.record,
        charter=frame.charter,
        label=frame.label,
        replaces=frame.replaces,
        payload=payload,
        metadata=seal_metadata(K, r, metadata),
        commitment=committed,
        paths=tuple(paths),
    )
    body_raw = body.encode()
    proofs = tuple(
        prove_path(path.terms.policy.shape, seats, path.sealed, secret, dealing_digest(body_raw, path.name))
        for path, secret, (_, _, seats) in zip(paths, secrets, frame.paths, strict=True)
    )
    return RecordSealed(body=body, body_raw=body_raw, proofs=proofs)
