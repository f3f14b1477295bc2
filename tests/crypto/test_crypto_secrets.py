"""Secret values keep themselves to themselves."""

import copy
import pickle

import crypto_scene as scene
import pytest

from escrow.crypto.dealing import deal
from escrow.crypto.group import BASE, Scalar
from escrow.crypto.identity import Identity
from escrow.crypto.kem import KemSecret

SECRETS = [Scalar.of_int(7), Identity.from_seed(bytes(32)), KemSecret.from_seed(bytes(64)), BASE]


def holders() -> list[object]:
    record = scene.sealed()
    secret, _ = deal(scene.TWO_OF_THREE, scene.opening_keys(3))
    ticket = scene.party("reader").ticket_keys("case", "record", "path", bytes(32), bytes(32))
    return [*SECRETS, record.keys[0], record.secrets, secret, ticket]


@pytest.mark.parametrize("index", range(8))
def test_pickling_a_secret_is_refused(index: int) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(holders()[index])


def test_printing_a_secret_shows_its_name_and_length_only() -> None:
    assert [repr(secret) for secret in SECRETS] == [
        "Scalar(32 bytes)",
        "Identity(32 bytes)",
        "KemSecret(64 bytes)",
        "Point(32 bytes)",
    ]
    record = scene.sealed()
    assert repr(record.secrets) == "PathSecrets(e=Scalar(32 bytes))"
    assert "b'" not in repr(record.keys[0])


@pytest.mark.parametrize("secret", SECRETS, ids=repr)
def test_changing_a_secret_is_refused(secret: Scalar) -> None:
    with pytest.raises(AttributeError):
        secret._raw = bytes(32)
    with pytest.raises(AttributeError):
        del secret._raw


def test_a_secret_scalar_is_no_key_of_a_dict() -> None:
    with pytest.raises(TypeError):
        hash(Scalar.of_int(7))


def test_secrets_of_different_kinds_are_never_equal() -> None:
    assert Scalar.of_int(1) != Scalar.decode(bytes(32))
    assert Identity.from_seed(bytes(32)) != Scalar.of_int(0)
    assert copy.deepcopy(SECRETS[0]) is copy.copy(SECRETS[0]) is SECRETS[0]
