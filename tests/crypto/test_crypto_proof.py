"""A proof is for one statement, one context, one label, and its numbers have one spelling."""

import crypto_scene as scene
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.crypto import proof as proofs
from escrow.crypto import randomness
from escrow.crypto.group import BASE, IDENTITY, L, Point, Scalar, base_mul, mul
from escrow.crypto.proof import Equation
from escrow.crypto.seat_keys import prove_seat_keys, verify_seat_keys
from escrow.crypto.ticket import prove_ticket, verify_ticket
from escrow.crypto.transcript import Label
from escrow.errors import EscrowError, ForgedError, MalformedError

X = scene.scalar("x")
Y = base_mul(X)
OTHER = base_mul(scene.scalar("other base"))
IMAGE = mul(X, OTHER)
LABEL = Label.PROOF_SIGN_OFF


def two(image: Point, base: Point, other: Point, proof: bytes, *context: bytes, label: Label = LABEL) -> None:
    proofs.verify_equal_logs(label, image, base, other, proof, "false", *context)


def refused(
    image: Point, base: Point, other: Point, proof: bytes, *context: bytes, label: Label = LABEL
) -> None:
    with pytest.raises(ForgedError) as caught:
        two(image, base, other, proof, *context, label=label)
    assert caught.value.code == "false"


PROOF = proofs.prove_equal_logs(LABEL, X, Y, OTHER, IMAGE, b"context")


def test_proof_holds_for_its_own_statement() -> None:
    assert len(PROOF) == proofs.ONE_SECRET_BYTES == 64
    two(Y, OTHER, IMAGE, PROOF, b"context")


def test_proof_for_another_context_label_or_statement_is_refused() -> None:
    refused(Y, OTHER, IMAGE, PROOF, b"elsewhere")
    refused(Y, OTHER, IMAGE, PROOF)
    refused(Y, OTHER, IMAGE, PROOF, b"con", b"text")
    refused(Y, OTHER, IMAGE, PROOF, b"context", label=Label.PROOF_DEALING)
    refused(Y + BASE, OTHER, IMAGE, PROOF, b"context")
    refused(Y, OTHER + BASE, IMAGE, PROOF, b"context")
    refused(Y, OTHER, IMAGE + BASE, PROOF, b"context")
    refused(OTHER, Y, IMAGE, PROOF, b"context")


def test_proof_of_unequal_logs_is_refused() -> None:
    wrong = IMAGE + BASE
    refused(Y, OTHER, wrong, proofs.prove_equal_logs(LABEL, X, Y, OTHER, wrong))


def test_proof_with_the_identity_in_it_is_refused_unless_true() -> None:
    refused(Y, OTHER, IDENTITY, proofs.prove_equal_logs(LABEL, X, Y, OTHER, IDENTITY))
    refused(Y, IDENTITY, OTHER, proofs.prove_equal_logs(LABEL, X, Y, IDENTITY, OTHER))
    two(Y, IDENTITY, IDENTITY, proofs.prove_equal_logs(LABEL, X, Y, IDENTITY, IDENTITY))


def test_proof_of_zero_computes_instead_of_crashing() -> None:
    zero = Scalar.of_int(0)
    two(IDENTITY, OTHER, IDENTITY, proofs.prove_equal_logs(LABEL, zero, IDENTITY, OTHER, IDENTITY))


def test_single_log_proof_given_for_two_is_refused() -> None:
    single = proofs.prove_log(LABEL, X, Y, b"context")
    proofs.verify_log(LABEL, Y, single, "false", b"context")
    refused(Y, OTHER, IMAGE, single, b"context")


@pytest.mark.parametrize("bit", range(0, 512, 7))
def test_flipped_bit_is_refused(bit: int) -> None:
    flipped = (int.from_bytes(PROOF, "little") ^ 1 << bit).to_bytes(64, "little")
    with pytest.raises(EscrowError) as caught:
        two(Y, OTHER, IMAGE, flipped, b"context")
    assert caught.value.code in ("false", "scalar_not_canonical")


@pytest.mark.parametrize("half", [0, 1])
def test_scalar_plus_the_order_is_refused(half: int) -> None:
    """The same proof in another spelling would verify, were scalars reduced in silence."""
    parts = [PROOF[:32], PROOF[32:]]
    parts[half] = (int.from_bytes(parts[half], "little") + L).to_bytes(32, "little")
    with pytest.raises(MalformedError) as caught:
        two(Y, OTHER, IMAGE, b"".join(parts), b"context")
    assert (caught.value.code, caught.value.fields) == ("scalar_not_canonical", {"field": "proof"})


@pytest.mark.parametrize("proof", [b"", PROOF[:32], PROOF[:63], PROOF + b"\x00", PROOF + PROOF[:32]], ids=len)
def test_proof_of_wrong_length_is_refused(proof: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        two(Y, OTHER, IMAGE, proof, b"context")
    assert (caught.value.code, caught.value.fields) == ("proof_length", {"field": "proof"})


def test_all_zero_proof_is_refused() -> None:
    refused(Y, OTHER, IMAGE, bytes(64), b"context")


def test_nonces_differ_though_the_random_source_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two statements with one nonce would give the secret away: z - z' = (c - c') x."""
    monkeypatch.setattr(randomness, "random_bytes", bytes)
    first, again, other = (proofs.prove_log(LABEL, X, Y, context) for context in (b"a", b"a", b"b"))
    assert first == again
    nonces = [Scalar.decode(p[32:]) - Scalar.decode(p[:32]) * X for p in (first, other)]
    assert nonces[0] != nonces[1]


def test_nonces_differ_though_the_statement_is_the_same() -> None:
    assert proofs.prove_log(LABEL, X, Y) != proofs.prove_log(LABEL, X, Y)


@settings(max_examples=15, deadline=None)
@given(st.integers(min_value=0, max_value=L - 1), st.integers(min_value=0, max_value=L - 1))
def test_relation_in_two_secrets_with_a_difference(n: int, m: int) -> None:
    """The shape that succession will need: y = xB, E = eB, V = eT - xF."""
    x, e = Scalar.of_int(n), Scalar.of_int(m)
    T, F = OTHER, OTHER + BASE
    relation = [
        Equation(image=base_mul(x), terms=((0, BASE),)),
        Equation(image=base_mul(e), terms=((1, BASE),)),
        Equation(image=mul(e, T) - mul(x, F), terms=((1, T), (0, -F))),
    ]
    proof = proofs.prove(LABEL, relation, (x, e), b"context")
    assert len(proof) == 96
    proofs.verify(LABEL, relation, 2, proof, "false", b"context")
    crossed = [relation[1], relation[0], relation[2]]
    with pytest.raises(ForgedError):
        proofs.verify(LABEL, crossed, 2, proof, "false", b"context")


def test_seat_keys_borrowed_from_another_seat_are_refused() -> None:
    mine, theirs = scene.seat_keys(2)
    proof = prove_seat_keys(mine, b"context")
    verify_seat_keys(mine.opening_key, mine.kem_key, proof, b"context")
    for opening, kem, context in (
        (theirs.opening_key, mine.kem_key, b"context"),
        (mine.opening_key, theirs.kem_key, b"context"),
        (mine.opening_key, mine.kem_key, b"another case"),
    ):
        with pytest.raises(ForgedError) as caught:
            verify_seat_keys(opening, kem, proof, context)
        assert caught.value.code == "seat_keys_proof_false"


def test_seat_keys_proof_given_for_a_ticket_is_refused() -> None:
    keys = scene.seat_keys(1)[0]
    with pytest.raises(ForgedError) as caught:
        verify_ticket(keys.opening_key, keys.kem_key, prove_seat_keys(keys, b"context"), b"context")
    assert caught.value.code == "ticket_proof_false"


def test_ticket_with_a_q_made_of_two_dealings_is_refused() -> None:
    """Q = E' - E would turn a share of this record into a share of that one; nobody knows its logarithm."""
    reader = scene.party("reader").ticket_keys(scene.CASE, scene.RECORD, "settlement", bytes(32), bytes(32))
    here, there = scene.sealed(), scene.sealed()
    Q = there.path.dealing.E - here.path.dealing.E
    proof = prove_ticket(reader, b"context")
    verify_ticket(reader.Q, reader.kem_key, proof, b"context")
    for forged in (
        proof,
        bytes(64),
        proofs.prove_log(Label.PROOF_TICKET, reader.q, Q, reader.kem_key, b"context"),
    ):
        with pytest.raises(ForgedError) as caught:
            verify_ticket(Q, reader.kem_key, forged, b"context")
        assert caught.value.code == "ticket_proof_false"


def test_ticket_for_another_context_or_kem_key_is_refused() -> None:
    reader = scene.party("reader").ticket_keys(scene.CASE, scene.RECORD, "settlement", bytes(32), bytes(32))
    proof = prove_ticket(reader, b"context")
    for kem_key, context in ((reader.kem_key, b"other"), (scene.seat_keys(1)[0].kem_key, b"context")):
        with pytest.raises(ForgedError):
            verify_ticket(reader.Q, kem_key, proof, context)
