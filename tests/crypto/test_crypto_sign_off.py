"""A wrong share is refused when it arrives, and a right one is of use for one request and one reader."""

from dataclasses import replace

import crypto_scene as scene
import pytest

from escrow.crypto import sign_off
from escrow.crypto.group import BASE, IDENTITY, Point, Scalar, base_mul, mul
from escrow.crypto.sharing import Gate, Leaf
from escrow.crypto.sign_off import Answer
from escrow.errors import ForgedError, MalformedError, RefusedError

SEALED = scene.sealed()
KEYS = SEALED.keys
E = SEALED.path.dealing.E
READER = scene.party("reader").ticket_keys(scene.CASE, scene.RECORD, "settlement", SEALED.digest, bytes(32))
MASKED = sign_off.mask(E, READER.Q)
CONTEXT = b"case, dealing, request, seat, fingerprint"
ANSWER = sign_off.answer(KEYS[0], MASKED, CONTEXT)


def refused(
    a: Answer, *, seat: int = 0, masked: Point = MASKED, context: bytes = CONTEXT, code: str = "share_false"
) -> None:
    with pytest.raises(ForgedError) as caught:
        sign_off.verify_answer(KEYS[seat].opening_key, masked, a, context)
    assert caught.value.code == code


def test_right_share_is_verified() -> None:
    sign_off.verify_answer(KEYS[0].opening_key, MASKED, ANSWER, CONTEXT)


def test_wrong_share_is_refused() -> None:
    refused(replace(ANSWER, W=ANSWER.W + BASE))
    refused(replace(ANSWER, W=IDENTITY))
    refused(replace(ANSWER, W=-ANSWER.W))
    refused(replace(ANSWER, W=mul(KEYS[1].opening, MASKED)))


def test_share_of_another_seat_is_refused() -> None:
    refused(ANSWER, seat=1)
    refused(sign_off.answer(KEYS[1], MASKED, CONTEXT))


def test_share_for_another_request_is_refused() -> None:
    refused(ANSWER, context=b"another request")


def test_share_for_another_reader_is_refused() -> None:
    other = scene.party("other").ticket_keys(scene.CASE, scene.RECORD, "settlement", SEALED.digest, bytes(32))
    refused(ANSWER, masked=sign_off.mask(E, other.Q))


def test_share_for_the_public_given_to_a_reader_is_refused() -> None:
    refused(sign_off.answer(KEYS[0], sign_off.mask(E, None), CONTEXT))


def test_share_of_another_dealing_is_refused() -> None:
    other = scene.sealed().path.dealing.E
    refused(sign_off.answer(KEYS[0], sign_off.mask(other, READER.Q), CONTEXT))


def test_share_with_anothers_proof_is_refused() -> None:
    refused(replace(ANSWER, proof=sign_off.answer(KEYS[1], MASKED, CONTEXT).proof))


@pytest.mark.parametrize("size", [0, 32, 63, 65])
def test_share_with_a_proof_of_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        sign_off.verify_answer(KEYS[0].opening_key, MASKED, replace(ANSWER, proof=bytes(size)), CONTEXT)
    assert caught.value.code == "proof_length"


def test_ticket_that_cancels_the_dealing_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        sign_off.mask(E, -E)
    assert caught.value.code == "ticket_cancels_dealing"


def opened(leaves: tuple[int, ...], q: Scalar | None, Q: Point | None) -> dict[int, Point]:
    masked, shares = sign_off.mask(E, Q), {}
    for i in leaves:
        a = sign_off.answer(KEYS[i], masked, CONTEXT)
        sign_off.verify_answer(KEYS[i].opening_key, masked, a, CONTEXT)
        shares[i] = sign_off.opened_share(SEALED.path.dealing.C[i], a.W, KEYS[i].opening_key, q)
    return shares


@pytest.mark.parametrize("leaves", [(0, 1), (0, 2), (1, 2), (0, 1, 2), (2, 0)])
def test_reader_and_public_open_the_same_by_any_quorum(leaves: tuple[int, ...]) -> None:
    S = SEALED.opened((0, 1))
    assert sign_off.recombine(SEALED.shape, opened(leaves, READER.q, READER.Q)) == S
    assert sign_off.recombine(SEALED.shape, opened(leaves, None, None)) == S


@pytest.mark.parametrize("leaves", [(), (0,), (2,)])
def test_fewer_shares_than_the_policy_asks_for_are_refused(leaves: tuple[int, ...]) -> None:
    with pytest.raises(RefusedError) as caught:
        sign_off.recombine(SEALED.shape, opened(leaves, READER.q, READER.Q))
    assert (caught.value.code, caught.value.fields) == ("quorum_not_met", {"have": len(leaves)})


def test_the_mask_is_of_no_use_without_its_q() -> None:
    other = scene.party("other").ticket_keys(scene.CASE, scene.RECORD, "settlement", SEALED.digest, bytes(32))
    S = SEALED.opened((0, 1))
    for q in (None, other.q):
        assert sign_off.recombine(SEALED.shape, opened((0, 1), q, READER.Q)) != S


def test_why_q_needs_its_proof() -> None:
    """The attack that the ticket's proof stops: with Q = E' - E, a sign-off to one record opens the other."""
    there = scene.sealed(record="4f" * 16)
    stolen = sign_off.mask(E, there.path.dealing.E - E)
    shares = {i: there.path.dealing.C[i] - sign_off.answer(KEYS[i], stolen, CONTEXT).W for i in (0, 1)}
    assert sign_off.recombine(there.shape, shares) == there.opened((0, 1))


def test_share_zero_and_secret_zero_open_like_any_other() -> None:
    e = Scalar.random()
    shape = Gate(k=2, children=(Leaf(), Leaf()))
    for values in ([0, 0], [0, 5], [5, 0], [1, 2]):
        keys = [k.opening_key for k in KEYS[:2]]
        dealt = scene.plain_dealing([Scalar.of_int(a) for a in values], keys, e)
        masked, shares = sign_off.mask(dealt.E, READER.Q), {}
        for i in range(2):
            a = sign_off.answer(KEYS[i], masked, CONTEXT)
            sign_off.verify_answer(keys[i], masked, a, CONTEXT)
            shares[i] = sign_off.opened_share(dealt.C[i], a.W, keys[i], READER.q)
        assert sign_off.recombine(shape, shares) == base_mul(Scalar.of_int(2 * values[0] - values[1]))
