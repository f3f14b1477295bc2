"""Rules S4, S5 and S10: a record is sealed under the charter in force, by a seat or by the service for one;
a seat reports a bad envelope.

The record's contexts are computed here from the chain: who the author is, which keys the seats have. The
depositor's own word about them must agree. So a dealing that was made by another author, for another record,
audience or keys is refused, and the two reasons for it are told apart: a chain that the depositor did not
see, which names nobody, and a false dealing, which names the depositor.
"""

from dataclasses import replace
from types import MappingProxyType

from escrow.crypto.card import Card
from escrow.crypto.sealing import dealing_digest, path_context, record_context, verify_path
from escrow.errors import ForgedError, RefusedError
from escrow.ledger.order import judge_order, require_carried_out, verify_order
from escrow.ledger.scene import Effect, Scene
from escrow.ledger.state import CaseState, CharterState, OrderedState, PathState, RecordState, holdings
from escrow.model.deeds import EnvelopeReported, RecordDroppedOff, RecordSealed
from escrow.model.ids import Hash
from escrow.model.record import RecordBody, RecordPath


def deposit(scene: Scene, deed: RecordSealed) -> Effect:
    """S4, in the order of README.md."""
    charter = _charter_in_force(scene, deed)
    seats = holdings(charter.charter, scene.fingerprint)
    if not seats:
        raise RefusedError("not_a_seat", author=scene.fingerprint)
    return _sealed(scene, deed, charter, depositor=scene.author, seats=seats, ordered=None)


def drop_off(scene: Scene, deed: RecordDroppedOff) -> Effect:
    """S10: as S4, for the seat that signed the order; the service is the author in contexts and proofs."""
    try:
        signed = verify_order(scene.state, deed.order)
    except ForgedError as error:
        raise ForgedError(error.code, **{**error.fields, "author": scene.fingerprint}) from error
    good = judge_order(scene.state, signed)
    require_carried_out(good, deed.sealed, scene.author)
    charter = _charter_in_force(scene, deed.sealed)
    ordered = OrderedState(hash=good.hash, digest=good.order.digest, sealed_salt=deed.salt)
    return _sealed(scene, deed.sealed, charter, depositor=good.depositor, seats=good.seats, ordered=ordered)


def _sealed(
    scene: Scene,
    deed: RecordSealed,
    charter: CharterState,
    *,
    depositor: Card,
    seats: tuple[str, ...],
    ordered: OrderedState | None,
) -> Effect:
    """What S4 asks of the body, whoever deposits it."""
    state, body = scene.state, deed.body
    if body.author != scene.fingerprint:
        raise ForgedError("sealed_by_another", author=scene.fingerprint, sealed_by=body.author)
    _require_unused(state, body)
    if body.replaces is not None and not (scene.sparse and body.replaces not in state.records):
        scene.require_seen(state.record(body.replaces).n)
    for path in body.paths:
        charter.charter.path(path.name).require_instance(path.terms)
    r = record_context(scene.fingerprint, state.case, charter.proposal, body.record)
    paths = {path.name: path_state(r, deed.body_raw, charter, path) for path in body.paths}
    if scene.proofs:
        _require_proofs(scene, deed, paths)
    sealed = RecordState(
        body=body,
        body_raw=deed.body_raw,
        proofs=deed.proofs,
        author=scene.author,
        depositor=depositor,
        author_seats=seats,
        charter=charter.proposal,
        statement_hash=scene.hash,
        n=scene.n,
        received_at=scene.at,
        r=r,
        paths=MappingProxyType(paths),
        ordered=ordered,
    )

    def effect() -> None:
        state.records[body.record] = sealed
        state.uploads[body.payload.upload] = body.record
        for path in body.paths:
            state.dealing_keys[path.sealed.dealing.E] = body.record

    return effect


def _charter_in_force(scene: Scene, deed: RecordSealed) -> CharterState:
    """The charter that the body names, if it holds; its author has seen everybody accept it."""
    charter = scene.state.require_in_force(deed.body.charter)
    scene.require_seen(charter.n if charter.in_force_n is None else charter.in_force_n)
    return charter


def _require_unused(state: CaseState, body: RecordBody) -> None:
    if body.record in state.records:
        raise RefusedError("record_taken", record=body.record)
    if body.payload.upload in state.uploads:
        raise RefusedError("upload_taken", upload=body.payload.upload)
    for path in body.paths:
        if path.sealed.dealing.E in state.dealing_keys:
            raise RefusedError("dealing_key_reused", path=path.name)


def path_state(r: bytes, body_raw: bytes, charter: CharterState, path: RecordPath) -> PathState:
    """The path over the seats' keys on this chain, which must be those that the depositor saw.

    Where they are not, nobody is proven at fault: the depositor may have signed nonsense, or somebody shows
    its record on a chain that it never saw. Where they are, the dealing's proof speaks against it alone.
    """
    seats = charter.seats_public(path.terms.policy.seats)
    context = path_context(r, path.terms_raw, seats)
    if context != path.context:
        raise ForgedError("path_context_differs", path=path.name)
    return PathState(
        record_path=path,
        seats=seats,
        context=context,
        digest=dealing_digest(body_raw, path.name).hex(),
    )


def _require_proofs(scene: Scene, deed: RecordSealed, paths: dict[str, PathState]) -> None:
    for path, proof in zip(deed.body.paths, deed.proofs, strict=True):
        state = paths[path.name]
        try:
            verify_path(path.terms.policy.shape, state.seats, path.sealed, proof, bytes.fromhex(state.digest))
        except ForgedError as error:
            raise ForgedError(error.code, path=path.name, author=scene.fingerprint) from error


def report(scene: Scene, deed: EnvelopeReported) -> Effect:
    """S5: by the holder of the seat as sealed, once. An allegation: it changes nothing else."""
    state = scene.state
    record = state.record(deed.record)
    scene.require_seen(record.n)
    path = record.path(deed.path)
    require_holder(scene, path, deed.seat)
    require_dealing(path, deed.dealing)
    if any((path, seat) == (deed.path, deed.seat) for path, seat, _ in record.reports):
        raise RefusedError("already_reported", path=deed.path, seat=deed.seat)

    def effect() -> None:
        reports = (*record.reports, (deed.path, deed.seat, scene.n))
        state.records[deed.record] = replace(record, reports=reports)

    return effect


def require_dealing(path: PathState, dealing: Hash) -> None:
    """The author means this very sealing, not another one under the same record id.

    Otherwise a depositor and the operator could seal a record twice, and show true shares as false.
    """
    if dealing != path.digest:
        raise RefusedError(
            "dealing_differs", path=path.record_path.name, dealing=dealing, expected=path.digest
        )


def require_holder(scene: Scene, path: PathState, seat: str) -> None:
    """The author held this seat of the path when the record was sealed: only that party has the keys."""
    if path.seat(seat).fingerprint != scene.fingerprint:
        raise RefusedError("not_the_holder", seat=seat, author=scene.fingerprint)
