"""Every vector gives what it says, and every file of vectors can be made again."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import generate
import pytest
import vector_cases

from escrow.crypto import dealing, envelope, sealing, sharing, sign_off
from escrow.crypto.card import Card
from escrow.crypto.dealing import Dealing
from escrow.crypto.envelope import Envelope
from escrow.crypto.group import Point, Scalar
from escrow.crypto.identity import Identity
from escrow.crypto.kem import KemSecret
from escrow.crypto.sealing import SealedPath, SeatPublic
from escrow.crypto.seat_keys import verify_seat_keys
from escrow.crypto.sharing import Gate, Leaf, Shape
from escrow.crypto.sign_off import Answer
from escrow.crypto.ticket import verify_ticket
from escrow.crypto.transcript import Label, digest, wide
from escrow.errors import EscrowError

Given = Mapping[str, Any]
VECTORS = Path(generate.__file__).parent
raw = bytes.fromhex


def points_of(texts: list[str]) -> tuple[Point, ...]:
    return tuple(Point.decode(raw(text)) for text in texts)


def shape_of(value: Any) -> Shape:
    if value == "leaf":
        return Leaf()
    return Gate(k=value["k"], children=tuple(shape_of(child) for child in value["children"]))


def transcript(g: Given) -> Given:
    label, fields = Label(g["label"]), [raw(field) for field in g["fields"]]
    return {"digest": digest(label, *fields), "wide": wide(label, *fields)}


def points(g: Given) -> Given:
    assert Point.decode(raw(g["raw"])).encode() == raw(g["raw"])
    return {}


def scalars(g: Given) -> Given:
    assert Scalar.decode(raw(g["raw"])).encode() == raw(g["raw"])
    return {}


def cards(g: Given) -> Given:
    card = Card.parse(g["text"])
    assert str(card) == g["text"]
    return {"public": card.public, "fingerprint": card.fingerprint, "groups": card.groups}


def key_files(g: Given) -> Given:
    return {"seed": Identity.load(g["text"], g["passphrase"]).encode()}


def identity(g: Given) -> Given:
    party = Identity.from_seed(raw(g["seed"]))
    seat = party.seat_keys(g["case"], g["seat"])
    ticket = party.ticket_keys(g["case"], g["record"], g["path"], raw(g["digest"]), raw(g["nonce"]))
    return {
        "signing_seed": party.signing_seed(),
        "card": str(party.card),
        "opening": seat.opening.encode(),
        "opening_key": seat.opening_key.encode(),
        "kem_key_digest": digest(Label.FINGERPRINT, seat.kem_key),
        "q": ticket.q.encode(),
        "Q": ticket.Q.encode(),
        "ticket_kem_key_digest": digest(Label.FINGERPRINT, ticket.kem_key),
        "own_key": party.own_key(Label.IDENTITY_CASE_KEY, b"context"),
    }


def dual_word(g: Given) -> Given:
    shape = shape_of(g["shape"])
    word = sharing.dual_word(shape, raw(g["seed"]))
    return {"encoded": sharing.encode_shape(shape), "weights": [weight.encode() for weight in word]}


def seat_keys(g: Given) -> Given:
    key = Point.decode(raw(g["opening_key"]))
    verify_seat_keys(key, raw(g["kem_key"]), raw(g["proof"]), raw(g["context"]))
    return {}


def tickets(g: Given) -> Given:
    verify_ticket(Point.decode(raw(g["Q"])), raw(g["kem_key"]), raw(g["proof"]), raw(g["context"]))
    return {}


def dealings(g: Given) -> Given:
    dealt = Dealing(E=Point.decode(raw(g["E"])), C=points_of(g["C"]))
    keys = points_of(g["keys"])
    dealing.verify_dealing(shape_of(g["shape"]), keys, dealt, raw(g["proof"]), raw(g["digest"]))
    return {}


def sign_offs(g: Given) -> Given:
    W = Point.decode(raw(g["W"]), field="share")
    Q = None if g["Q"] is None else Point.decode(raw(g["Q"]))
    masked = sign_off.mask(Point.decode(raw(g["E"])), Q)
    key, a = Point.decode(raw(g["opening_key"])), Answer(W=W, proof=raw(g["proof"]))
    sign_off.verify_answer(key, masked, a, raw(g["context"]))
    return {}


def recombine(g: Given) -> Given:
    keys, C, q = points_of(g["keys"]), points_of(g["C"]), Scalar.decode(raw(g["q"]))
    W = {int(leaf): Point.decode(raw(text)) for leaf, text in g["W"].items()}
    shares = {leaf: sign_off.opened_share(C[leaf], point, keys[leaf], q) for leaf, point in W.items()}
    return {"S": sign_off.recombine(shape_of(g["shape"]), shares).encode()}


def envelopes(g: Given) -> Given:
    env = Envelope(ciphertext=raw(g["ciphertext"]), wrapped=raw(g["wrapped"]))
    context = envelope.seat_context(raw(g["c"]), g["seat"])
    return {"p": envelope.disclose(env, KemSecret.from_seed(raw(g["kem_seed"])), Label(g["label"]), context)}


def sealings(g: Given) -> Given:
    seats = [
        SeatPublic(
            seat=s["seat"],
            fingerprint=s["fingerprint"],
            opening_key=Point.decode(raw(s["opening_key"])),
            kem_key=raw(s["kem_key"]),
        )
        for s in g["seats"]
    ]
    r = sealing.record_context(g["author"], g["case"], g["charter"], g["record"])
    c = sealing.path_context(r, raw(g["terms"]), seats)
    sealed = SealedPath(
        dealing=Dealing(E=seats[0].opening_key, C=()),  # opening S to K does not look at it
        p_hash=raw(g["p_hash"]),
        envelopes=(),
        key_wrap=raw(g["key_wrap"]),
    )
    S = Point.decode(raw(g["S"]))
    K = sealing.open_key(c, raw(g["commitment"]), sealed, S, raw(g["p"]), r)
    return {"r": r, "c": c, "digest": sealing.dealing_digest(raw(g["body"]), g["path"]), "K": K}


RUNNERS: dict[str, Callable[[Given], Given]] = {
    run.__name__: run
    for run in (
        transcript,
        points,
        scalars,
        cards,
        key_files,
        identity,
        dual_word,
        seat_keys,
        tickets,
        dealings,
        sign_offs,
        recombine,
        envelopes,
        sealings,
    )
}


@pytest.mark.parametrize("name", vector_cases.NAMES)
def test_every_vector_gives_what_it_says(name: str) -> None:
    vectors = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    assert [vector["id"] for vector in vectors] == list(range(1, len(vectors) + 1))
    for vector in vectors:
        told = (name, vector["id"], vector["why"])
        if "gives" in vector:
            assert generate.plain(RUNNERS[name](vector["given"])) == vector["gives"], told
            continue
        with pytest.raises(EscrowError) as caught:
            RUNNERS[name](vector["given"])
        assert (caught.value.code, dict(caught.value.fields)) == (vector["code"], vector["fields"]), told


@pytest.mark.parametrize("name", vector_cases.NAMES)
def test_every_file_of_vectors_can_be_made_again(name: str) -> None:
    assert generate.render(name) == (VECTORS / f"{name}.json").read_text(encoding="utf-8")


def test_no_file_of_vectors_goes_unused() -> None:
    assert {path.stem for path in VECTORS.glob("*.json")} == set(vector_cases.NAMES) == set(RUNNERS)


def test_more_bad_vectors_than_good_ones() -> None:
    vectors = [v for path in VECTORS.glob("*.json") for v in json.loads(path.read_text(encoding="utf-8"))]
    assert sum("code" in v for v in vectors) > 2 * sum("gives" in v for v in vectors)
