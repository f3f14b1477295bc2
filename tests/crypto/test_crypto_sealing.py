"""The order of a sealing: nothing of it can be moved to another author, record, path, audience or seat."""

from dataclasses import replace

import crypto_scene as scene
import pytest

from escrow.crypto import aead, sealing
from escrow.crypto.group import BASE, IDENTITY, Scalar
from escrow.crypto.sealing import SealedPath, SeatPublic
from escrow.crypto.sharing import Gate, Leaf
from escrow.errors import ForgedError, MalformedError

GOOD = scene.sealed()
P = GOOD.secrets.p


def open_key(it: scene.Sealed, **changed: object) -> bytes:
    given = {
        "c": it.c,
        "commitment": it.commitment,
        "sealed": it.path,
        "S": it.opened((0, 1)),
        "p": it.secrets.p,
        "r": it.r,
    }
    return sealing.open_key(**(given | changed))  # type: ignore[arg-type]


def refused(code: str, it: scene.Sealed = GOOD, **changed: object) -> None:
    with pytest.raises(ForgedError) as caught:
        open_key(it, **changed)
    assert caught.value.code == code


def verify(it: scene.Sealed, **changed: object) -> None:
    given = {"shape": it.shape, "seats": it.seats, "sealed": it.path, "proof": it.proof, "digest": it.digest}
    sealing.verify_path(**(given | changed))  # type: ignore[arg-type]


def dealing_refused(it: scene.Sealed = GOOD, **changed: object) -> None:
    with pytest.raises(ForgedError) as caught:
        verify(it, **changed)
    assert caught.value.code == "dealing_proof_false"


def test_sealed_record_verifies_and_opens_by_every_quorum() -> None:
    verify(GOOD)
    for leaves in ((0, 1), (0, 2), (1, 2)):
        assert open_key(GOOD, S=GOOD.opened(leaves)) == GOOD.K
    for i, keys in enumerate(GOOD.keys):
        assert sealing.check_envelope(GOOD.c, GOOD.path, i, f"seat-{i}", keys.kem) == P


@pytest.mark.parametrize(
    "change",
    [
        {"author": "mallory"},
        {"record": "4f" * 16},
        {"terms": b"any of (seat-0), audience: public"},
        {"path": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_dealing_copied_to_another_author_record_audience_or_path_is_refused(
    change: dict[str, object],
) -> None:
    other = scene.sealed(**change)  # type: ignore[arg-type]
    assert other.digest != GOOD.digest
    dealing_refused(digest=other.digest)
    dealing_refused(digest=other.digest, proof=other.proof)


def test_dealing_moved_to_another_name_in_the_same_body_is_refused() -> None:
    body = b"the very same body"
    one, other = (sealing.dealing_digest(body, name) for name in ("settlement", "court"))
    proof = sealing.prove_path(GOOD.shape, GOOD.seats, GOOD.path, GOOD.secrets, one)
    verify(GOOD, proof=proof, digest=one)
    dealing_refused(proof=proof, digest=other)


def test_every_word_of_the_contexts_counts() -> None:
    words = ("a", "b", "c", "d")
    contexts = {sealing.record_context(*words)}
    for i in range(4):
        contexts.add(sealing.record_context(*(*words[:i], "x", *words[i + 1 :])))
    contexts.add(sealing.record_context("ab", "", "c", "d"))
    assert len(contexts) == 6
    seats = GOOD.seats
    moved = [
        seats[::-1],
        seats[:2],
        [replace(seats[0], seat="seat-9"), *seats[1:]],
        [replace(seats[0], fingerprint="00" * 32), *seats[1:]],
        [replace(seats[0], opening_key=BASE), *seats[1:]],
        [replace(seats[0], kem_key=bytes(1184)), *seats[1:]],
    ]
    paths = {sealing.path_context(GOOD.r, GOOD.terms, s) for s in moved}
    paths |= {
        sealing.path_context(GOOD.r, GOOD.terms + b" ", seats),
        sealing.path_context(b"", GOOD.terms, seats),
    }
    assert len(paths | {GOOD.c}) == 9


def envelope_refused(
    it: scene.Sealed, path: SealedPath, index: int, seat: str, c: bytes | None = None
) -> None:
    with pytest.raises(ForgedError) as caught:
        sealing.check_envelope(c or it.c, path, index, seat, it.keys[index].kem)
    assert (caught.value.code, caught.value.fields) == ("envelope_false", {"seat": seat})


def test_envelope_copied_from_another_record_is_refused() -> None:
    other = scene.sealed(record="4f" * 16)
    envelope_refused(GOOD, replace(GOOD.path, envelopes=other.path.envelopes), 0, "seat-0")
    envelope_refused(GOOD, GOOD.path, 0, "seat-0", c=other.c)


def test_envelope_of_another_seat_is_refused() -> None:
    first, second, third = GOOD.path.envelopes
    envelope_refused(GOOD, replace(GOOD.path, envelopes=(second, first, third)), 0, "seat-0")
    envelope_refused(GOOD, GOOD.path, 0, "seat-1")


def test_envelope_with_another_p_is_refused_and_names_the_seat() -> None:
    """It decrypts, so only the hash tells."""
    other = scene.sealed()
    assert other.c == GOOD.c
    envelope_refused(GOOD, replace(GOOD.path, p_hash=other.path.p_hash), 1, "seat-1")


def test_wrong_p_is_refused() -> None:
    for wrong in (bytes(32), P[:31], P + b"\x00", b""):
        with pytest.raises(ForgedError) as caught:
            sealing.check_p(GOOD.c, wrong, GOOD.path.p_hash)
        assert caught.value.code == "p_false"
        refused("p_false", p=wrong)


def test_p_of_another_path_is_refused() -> None:
    other = scene.sealed(terms=b"other terms")
    refused("p_false", p=other.secrets.p)


def test_wrong_secret_is_refused() -> None:
    refused("key_wrap_false", S=GOOD.opened((0, 1)) + BASE)
    refused("key_wrap_false", S=IDENTITY)


def test_wrapped_key_changed_or_copied_is_refused() -> None:
    wrap = GOOD.path.key_wrap
    for bit in range(0, 8 * len(wrap), 13):
        flipped = (int.from_bytes(wrap, "little") ^ 1 << bit).to_bytes(len(wrap), "little")
        refused("key_wrap_false", sealed=replace(GOOD.path, key_wrap=flipped))
    refused("key_wrap_false", sealed=replace(GOOD.path, key_wrap=scene.sealed().path.key_wrap))


def test_wrapped_key_under_another_commitment_is_refused() -> None:
    refused("key_wrap_false", commitment=sealing.commitment(GOOD.r, bytes(32)))


def test_two_paths_that_open_two_documents_are_refused() -> None:
    """One commitment, two keys: each path unwraps, one of them to a key that is not the record's."""
    other_K = bytes(32)
    S = GOOD.opened((0, 1))
    key = sealing._path_key(S, P, GOOD.c)
    ad = sealing._wrap_ad(GOOD.c, GOOD.commitment, GOOD.path.p_hash)
    forged = replace(GOOD.path, key_wrap=aead.seal(key, aead.SINGLE_USE_NONCE, other_K, ad))
    verify(GOOD, sealed=forged)
    refused("commitment_false", sealed=forged)


def test_commitment_of_another_record_is_refused() -> None:
    refused("commitment_false", r=sealing.record_context("a", "b", "c", "d"))


def test_wrong_share_combined_unverified_opens_nothing() -> None:
    bad = replace(GOOD.path.dealing, C=(GOOD.path.dealing.C[0] + BASE, *GOOD.path.dealing.C[1:]))
    forged = replace(GOOD, path=replace(GOOD.path, dealing=bad))
    refused("key_wrap_false", it=forged)
    dealing_refused(forged)


@pytest.mark.parametrize("field", ["p_hash", "key_wrap"])
@pytest.mark.parametrize("size", [0, 31, 33, 47, 49])
def test_sealed_path_with_a_field_of_wrong_length_is_refused(field: str, size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        replace(GOOD.path, **{field: bytes(size)})  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.fields) == ("sealed_path_length", {"field": field})


@pytest.mark.parametrize("count", [0, 2])
def test_sealed_path_without_an_envelope_for_each_seat_is_refused(count: int) -> None:
    with pytest.raises(MalformedError) as caught:
        replace(GOOD.path, envelopes=GOOD.path.envelopes[:count])
    assert caught.value.fields == {"field": "envelopes"}


def test_nothing_random_is_ever_the_same_twice() -> None:
    again = scene.sealed()
    assert again.c == GOOD.c
    assert again.secrets.p != GOOD.secrets.p
    assert again.path.dealing.E != GOOD.path.dealing.E
    assert again.path.key_wrap != GOOD.path.key_wrap


def test_secret_zero_seals_and_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity as S is a depositor's folly, and opens like anything else."""
    monkeypatch.setattr(Scalar, "random", classmethod(lambda cls: _OneThenZero.next()))
    _OneThenZero.values = [Scalar.of_int(0), Scalar.of_int(5), Scalar.of_int(0)]
    it = scene.sealed(shape=Gate(k=2, children=(Leaf(),) * 3))
    assert it.opened((0, 1)).is_identity()
    verify(it)
    assert open_key(it) == it.K


class _OneThenZero:
    """s = 0, e = 5, and a polynomial whose other coefficient is 0, so that every share is 0 as well."""

    values: list[Scalar]

    @classmethod
    def next(cls) -> Scalar:
        return cls.values.pop(0)


def test_seat_public_shows_no_long_keys() -> None:
    seat = SeatPublic(seat="a", fingerprint="00", opening_key=BASE, kem_key=bytes(1184))
    assert len(repr(seat)) < 100
