"""The group refuses every wrong encoding, and computes what the slow twin computes."""

import edwards_twin as twin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.crypto import group
from escrow.crypto.group import BASE, IDENTITY, Point, Scalar, base_mul, mul
from escrow.errors import MalformedError, RefusedError

numbers = st.integers(min_value=0, max_value=twin.L - 1) | st.sampled_from([0, 1, 2, twin.L - 1])
slow = settings(max_examples=20, deadline=None)


def refusal(raw: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        Point.decode(raw, field="share")
    assert caught.value.fields == {"field": "share"}
    return caught.value


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_point_of_wrong_length_is_refused(size: int) -> None:
    assert refusal(bytes(size)).code == "point_length"


def test_identity_is_refused() -> None:
    assert refusal(twin.ZERO.encode()).code == "point_identity"


@pytest.mark.parametrize("order", range(1, 8))
def test_point_of_low_order_is_refused(order: int) -> None:
    assert refusal(twin.LOW_ORDER[order].encode()).code == "point_not_in_group"


def test_the_eight_low_order_points_are_all_there() -> None:
    assert len(set(twin.LOW_ORDER)) == 8
    assert all(8 * point == twin.ZERO for point in twin.LOW_ORDER)


@pytest.mark.parametrize("order", range(1, 8))
@pytest.mark.parametrize("good", [1, 2, 12345, twin.L - 1])
def test_point_of_mixed_order_is_refused(order: int, good: int) -> None:
    mixed = good * twin.B + twin.LOW_ORDER[order]
    assert refusal(mixed.encode()).code == "point_not_in_group"


@pytest.mark.parametrize("raw", twin.non_canonical(), ids=bytes.hex)
def test_non_canonical_encoding_is_refused(raw: bytes) -> None:
    assert refusal(raw).code == "point_not_canonical"


@pytest.mark.parametrize("y", range(twin.P, 2**255))
@pytest.mark.parametrize("sign", [0, 1])
def test_y_at_or_above_p_is_refused_on_the_curve_or_off_it(y: int, sign: int) -> None:
    assert refusal((y | sign << 255).to_bytes(32, "little")).code == "point_not_canonical"


def test_bytes_off_the_curve_are_refused() -> None:
    off = next(y for y in range(2, 100) if twin.lift(y, 0) is None)
    assert refusal(off.to_bytes(32, "little")).code == "point_not_in_group"


@slow
@given(st.binary(min_size=32, max_size=32))
def test_decoding_agrees_with_the_twin_on_any_bytes(raw: bytes) -> None:
    point = twin.decode(raw)
    good = point is not None and point != twin.ZERO and twin.L * point == twin.ZERO
    if good:
        assert Point.decode(raw).encode() == raw
    else:
        refusal(raw)


@pytest.mark.parametrize("number", [twin.L, twin.L + 1, 2 * twin.L, 2**252 + 2**251, 2**255 - 1, 2**256 - 1])
def test_scalar_at_or_above_the_order_is_refused(number: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Scalar.decode(number.to_bytes(32, "little"), field="response")
    assert (caught.value.code, caught.value.fields) == ("scalar_not_canonical", {"field": "response"})


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_scalar_of_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        Scalar.decode(bytes(size))
    assert caught.value.code == "scalar_length"


def test_wide_scalar_of_wrong_length_is_refused() -> None:
    with pytest.raises(MalformedError) as caught:
        Scalar.from_wide(bytes(32))
    assert caught.value.code == "scalar_length"


def test_zero_secret_is_refused_where_a_key_is_needed() -> None:
    with pytest.raises(RefusedError) as caught:
        Scalar.of_int(twin.L).nonzero()
    assert caught.value.code == "secret_scalar_zero"


@given(numbers)
def test_scalars_below_the_order_come_back_unchanged(n: int) -> None:
    raw = n.to_bytes(32, "little")
    assert Scalar.decode(raw).encode() == Scalar.of_int(n).encode() == raw


@given(numbers, numbers)
def test_scalar_arithmetic_is_integers_modulo_the_order(n: int, m: int) -> None:
    a, b = Scalar.of_int(n), Scalar.of_int(m)
    assert (a + b, a - b, a * b, -a) == tuple(Scalar.of_int(r) for r in (n + m, n - m, n * m, -n))


@given(st.binary(min_size=64, max_size=64))
def test_wide_bytes_are_reduced_without_clamping(raw: bytes) -> None:
    assert Scalar.from_wide(raw) == Scalar.of_int(int.from_bytes(raw, "little"))


@slow
@given(numbers, numbers)
def test_points_agree_with_the_twin(n: int, m: int) -> None:
    slow_n, slow_m = n * twin.B, m * twin.B
    fast_n, fast_m = base_mul(Scalar.of_int(n)), base_mul(Scalar.of_int(m))
    assert fast_n.encode() == slow_n.encode()
    assert (fast_n + fast_m).encode() == (slow_n + slow_m).encode()
    assert (fast_n - fast_m).encode() == (slow_n - slow_m).encode()
    assert (-fast_n).encode() == (-slow_n).encode()
    assert mul(Scalar.of_int(m), fast_n).encode() == (m * slow_n).encode()
    assert group.weighted_sum([Scalar.of_int(m), Scalar.of_int(n)], [fast_n, fast_m]).encode() == (
        (m * slow_n + n * slow_m).encode()
    )


@given(st.lists(numbers, min_size=1, max_size=6), st.integers(min_value=0, max_value=300))
def test_horner_agrees_with_the_definition_of_a_polynomial(coefficients: list[int], x: int) -> None:
    value = group.evaluate([Scalar.of_int(c) for c in coefficients], x)
    assert value == Scalar.of_int(sum(c * x**i for i, c in enumerate(coefficients)))


def test_zero_and_identity_compute_instead_of_crashing() -> None:
    zero, seven = Scalar.of_int(0), Scalar.of_int(7)
    assert base_mul(zero) == mul(zero, BASE) == mul(seven, IDENTITY) == BASE - BASE == IDENTITY
    assert IDENTITY + BASE == BASE - IDENTITY == BASE
    assert -IDENTITY == IDENTITY == group.weighted_sum([], [])
    assert IDENTITY.is_identity()
    assert not BASE.is_identity()


def test_minus_one_times_base_is_the_negative() -> None:
    assert base_mul(Scalar.of_int(-1)) == -BASE
    assert base_mul(Scalar.of_int(-1)) + BASE == IDENTITY


# RFC 8032, section 7.1: secret key, public key.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ),
]


@pytest.mark.parametrize(("secret", "public"), RFC_8032)
def test_ed25519_public_keys_of_rfc_8032(secret: str, public: str) -> None:
    assert group.ed25519_public(bytes.fromhex(secret)).encode().hex() == public
