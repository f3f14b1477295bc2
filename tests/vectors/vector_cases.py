"""The cases behind the vectors: each function makes one file, good ones and all that must be refused.

What is expected of a bad vector is stated here by hand, never computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import crypto_scene as scene
import edwards_twin as twin

from escrow.crypto import aead, bech32m, dealing, envelope, sealing, sharing, sign_off
from escrow.crypto.card import PREFIX as CARD_PREFIX
from escrow.crypto.dealing import Dealing
from escrow.crypto.envelope import Envelope
from escrow.crypto.group import BASE, L, Point, Scalar, base_mul
from escrow.crypto.identity import PREFIX as KEY_PREFIX
from escrow.crypto.seat_keys import prove_seat_keys
from escrow.crypto.sharing import Gate, Leaf, Shape
from escrow.crypto.sign_off import Answer
from escrow.crypto.ticket import prove_ticket
from escrow.crypto.transcript import Label, digest, wide

Vector = dict[str, object]
NAMES = (
    "transcript",
    "points",
    "scalars",
    "cards",
    "key_files",
    "identity",
    "dual_word",
    "seat_keys",
    "tickets",
    "dealings",
    "sign_offs",
    "recombine",
    "envelopes",
    "sealings",
)
CONTEXT = scene.seed("context")
OTHER = scene.seed("another context")
LEAF = Leaf()
NESTED = Gate(k=2, children=(LEAF, Gate(k=2, children=(LEAF, LEAF, LEAF)), Gate(k=1, children=(LEAF, LEAF))))


def good(why: str, given: Mapping[str, object], **gives: object) -> Vector:
    return {"why": why, "given": given, "gives": gives}


def bad(why: str, given: Mapping[str, object], code: str, **fields: object) -> Vector:
    return {"why": why, "given": given, "refused_by": "crypto", "code": code, "fields": fields}


def shape_json(shape: Shape) -> object:
    if isinstance(shape, Leaf):
        return "leaf"
    return {"k": shape.k, "children": [shape_json(child) for child in shape.children]}


def flipped(raw: bytes, bit: int) -> bytes:
    return (int.from_bytes(raw, "little") ^ 1 << bit).to_bytes(len(raw), "little")


def transcript() -> list[Vector]:
    lists: list[list[bytes]] = [[], [b""], [b"a"], [b"ab", b"c"], [b"a", b"bc"], [bytes(200)]]
    return [
        good("hash", {"label": label.value, "fields": f}, digest=digest(label, *f), wide=wide(label, *f))
        for label in (Label.RECORD, Label.PATH)
        for f in lists
    ]


def points() -> list[Vector]:
    found = [good(f"{n} B", {"raw": (n * twin.B).encode()}) for n in (1, 2, 3, L - 1)]
    found.append(bad("the identity", {"raw": twin.ZERO.encode()}, "point_identity", field="point"))
    off = next(y for y in range(2, 99) if twin.lift(y, 0) is None).to_bytes(32, "little")
    outside = [("low order", point) for point in twin.LOW_ORDER[1:]]
    outside += [("mixed order", n * twin.B + point) for n in (1, 7) for point in twin.LOW_ORDER[1:]]
    group = [(why, point.encode()) for why, point in outside] + [("not on the curve", off)]
    found += [bad(why, {"raw": raw}, "point_not_in_group", field="point") for why, raw in group]
    spelled = twin.non_canonical()
    found += [bad("not canonical", {"raw": raw}, "point_not_canonical", field="point") for raw in spelled]
    sizes = [bad("length", {"raw": bytes(n)}, "point_length", field="point") for n in (0, 31, 33, 64)]
    return found + sizes


def scalars() -> list[Vector]:
    def raw(n: int) -> dict[str, object]:
        return {"raw": n.to_bytes(32, "little")}

    found = [good("below L", raw(n)) for n in (0, 1, 2**252, L - 1)]
    above = (L, L + 1, 2 * L, 2**252 + 2**251, 2**253, 2**255 - 1, 2**256 - 1)
    found += [bad("L or above", raw(n), "scalar_not_canonical", field="scalar") for n in above]
    sizes = (0, 31, 33, 64)
    return found + [bad("length", {"raw": bytes(n)}, "scalar_length", field="scalar") for n in sizes]


def cards() -> list[Vector]:
    own = [scene.party(name).card for name in ("one", "two")]
    found = [
        good("a card", {"text": str(c)}, public=c.public, fingerprint=c.fingerprint, groups=c.groups)
        for c in own
    ]
    text = str(own[0])
    for why, spelled in (
        ("empty", ""),
        ("upper case", text.upper()),
        ("mixed case", text[:-1] + text[-1].upper()),
        ("a letter less", text[:-1]),
        ("a letter more", text + "q"),
        ("a space", text + " "),
        ("two letters exchanged", text[:20] + text[21] + text[20] + text[22:]),
        ("other prefix", bech32m.encode("escrowcart", own[0].public)),
        ("a key file", scene.party("one").dump()),
    ):
        found.append(bad(why, {"text": spelled}, "card_malformed", field="card"))
    for why, public, code in (
        ("31 bytes", bytes(31), "point_length"),
        ("identity", twin.ZERO.encode(), "point_identity"),
        *(("low order", point.encode(), "point_not_in_group") for point in twin.LOW_ORDER[1:]),
        ("mixed order", (twin.B + twin.LOW_ORDER[4]).encode(), "point_not_in_group"),
        ("y is p + 1", (twin.P + 1).to_bytes(32, "little"), "point_not_canonical"),
    ):
        found.append(bad(why, {"text": bech32m.encode(CARD_PREFIX, public)}, code, field="card"))
    return found


def key_files() -> list[Vector]:
    one = scene.party("one")
    text, wrapped = one.dump(), one.dump("correct horse")
    seed = one.encode()
    found = [
        good("plain", {"text": text, "passphrase": None}, seed=seed),
        good("with a passphrase", {"text": wrapped, "passphrase": "correct horse"}, seed=seed),
        bad("no passphrase given", {"text": wrapped, "passphrase": None}, "passphrase_needed"),
        bad("empty passphrase", {"text": wrapped, "passphrase": ""}, "passphrase_empty"),
        bad("wrong passphrase", {"text": wrapped, "passphrase": "correct house"}, "passphrase_wrong"),
    ]
    bodies = [b"", b"\x01", b"\x00" + seed, b"\x03" + seed, b"\x01" + seed[:31], b"\x01" + seed + b"\x00"]
    texts = [("kind or length", bech32m.encode(KEY_PREFIX, body).upper()) for body in bodies]
    texts += [("lower case", text.lower()), ("cut", text[:-1]), ("a card", str(one.card)), ("empty", "")]
    for why, spelled in texts:
        given = {"text": spelled, "passphrase": None}
        found.append(bad(why, given, "key_file_malformed", field="identity"))
    return found


def identity() -> list[Vector]:
    found = []
    for name in ("one", "two"):
        party = scene.party(name)
        seat = party.seat_keys(scene.CASE, "claimant")
        nonce, d = scene.seed(f"{name} nonce"), scene.seed("dealing")
        ticket = party.ticket_keys(scene.CASE, scene.RECORD, "settlement", d, nonce)
        given = {
            "seed": party.encode(),
            "case": scene.CASE,
            "seat": "claimant",
            "record": scene.RECORD,
            "path": "settlement",
            "digest": d,
            "nonce": nonce,
        }
        gives = {
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
        found.append(good("everything from a seed", given, **gives))
        short = given | {"nonce": nonce[:16]}
        found.append(bad("nonce of 16 bytes", short, "nonce_length", field="nonce"))
    return found


def dual_word() -> list[Vector]:
    flat = Gate(k=3, children=(LEAF,) * 5)
    every = Gate(k=2, children=(LEAF, Gate(k=2, children=(LEAF, LEAF))))
    shapes = (LEAF, flat, Gate(k=1, children=(LEAF,) * 3), NESTED, every, Gate(k=1, children=(NESTED, flat)))
    found = []
    for shape in shapes:
        given = {"shape": shape_json(shape), "seed": scene.seed("weights")}
        word = [weight.encode() for weight in sharing.dual_word(shape, scene.seed("weights"))]
        found.append(good("weights", given, encoded=sharing.encode_shape(shape), weights=word))
    return found


def _knowledge(key: str, mine: tuple[Point, bytes, bytes], kem_key: bytes, code: str) -> list[Vector]:
    """Cases of a proof of knowledge, for seat keys and tickets alike."""
    public, own_kem, proof = mine
    given = {key: public.encode(), "kem_key": own_kem, "proof": proof, "context": CONTEXT}
    above = (int.from_bytes(proof[32:], "little") + L).to_bytes(32, "little")
    return [
        good("own keys", given),
        bad("another context", given | {"context": OTHER}, code),
        bad("another's ML-KEM key", given | {"kem_key": kem_key}, code),
        bad("a key of which nobody knows the logarithm", given | {key: (public + BASE).encode()}, code),
        bad("proof of zeros", given | {"proof": bytes(64)}, code),
        *(bad("flipped bit", given | {"proof": flipped(proof, bit)}, code) for bit in (0, 100, 256, 400)),
        bad("response plus L", given | {"proof": proof[:32] + above}, "scalar_not_canonical", field="proof"),
        bad("proof cut short", given | {"proof": proof[:63]}, "proof_length", field="proof"),
        bad("proof too long", given | {"proof": proof + b"\x00"}, "proof_length", field="proof"),
    ]


def seat_keys() -> list[Vector]:
    mine, theirs = scene.seat_keys(2)
    proven = (mine.opening_key, mine.kem_key, prove_seat_keys(mine, CONTEXT))
    return _knowledge("opening_key", proven, theirs.kem_key, "seat_keys_proof_false")


def tickets() -> list[Vector]:
    mine, theirs = (
        scene.party(name).ticket_keys(scene.CASE, scene.RECORD, "settlement", CONTEXT, OTHER) for name in "ab"
    )
    proven = (mine.Q, mine.kem_key, prove_ticket(mine, CONTEXT))
    return _knowledge("Q", proven, theirs.kem_key, "ticket_proof_false")


def _dealing(
    shape: Shape, keys: Sequence[Point], dealt: Dealing, proof: bytes, d: bytes = CONTEXT
) -> dict[str, object]:
    C = [point.encode() for point in dealt.C]
    encoded = [key.encode() for key in keys]
    return {
        "shape": shape_json(shape),
        "keys": encoded,
        "E": dealt.E.encode(),
        "C": C,
        "proof": proof,
        "digest": d,
    }


def dealings() -> list[Vector]:
    found = []
    every = Gate(k=2, children=(LEAF, Gate(k=2, children=(LEAF, LEAF))))
    for shape in (LEAF, every, scene.TWO_OF_THREE, Gate(k=11, children=(LEAF,) * 16), NESTED):
        keys = scene.opening_keys(sharing.leaf_count(shape))
        secret, dealt = dealing.deal(shape, keys)
        proof = dealing.prove_dealing(shape, keys, dealt, secret.e, CONTEXT)
        found.append(good("dealt as it should be", _dealing(shape, keys, dealt, proof)))
        found += _false_dealings(shape, keys, dealt, secret.e, proof)
    return found


def _false_dealings(shape: Shape, keys: list[Point], dealt: Dealing, e: Scalar, proof: bytes) -> list[Vector]:
    false = "dealing_proof_false"
    other_secret, other = dealing.deal(shape, keys)
    other_proof = dealing.prove_dealing(shape, keys, other, other_secret.e, CONTEXT)
    found = [
        bad("another record, path, author or audience", _dealing(shape, keys, dealt, proof, OTHER), false),
        bad("proof of another dealing", _dealing(shape, keys, dealt, other_proof), false),
        bad("E of another dealing", _dealing(shape, keys, replace(dealt, E=other.E), proof), false),
        bad("proof flipped", _dealing(shape, keys, dealt, flipped(proof, 9)), false),
        bad("proof cut", _dealing(shape, keys, dealt, proof[:-1]), "proof_length", field="proof"),
        bad(
            "a share less",
            _dealing(shape, keys, replace(dealt, C=dealt.C[1:]), proof),
            "dealing_length",
            field="C",
        ),
        bad("a key less", _dealing(shape, keys[1:], dealt, proof), "dealing_length", field="keys"),
    ]
    wrong = [
        replace(dealt, C=(dealt.C[0] + BASE, *dealt.C[1:])),
        replace(dealt, C=(other.C[0], *dealt.C[1:])),
    ]
    found += [bad("a share replaced", _dealing(shape, keys, w, proof), false) for w in wrong]
    if len(keys) > 1:
        twice = [keys[1], *keys[1:]]
        found.append(
            bad("two seats with one key", _dealing(shape, twice, dealt, proof), "opening_keys_repeat")
        )
    if not sharing.is_all_of_all(shape):
        for w in wrong:
            anyway = dealing.prove_dealing(shape, keys, w, e, CONTEXT)
            found.append(bad("a share replaced, proven anyway", _dealing(shape, keys, w, anyway), false))
    return found


def sign_offs() -> list[Vector]:
    false = "share_false"
    mine, theirs = scene.seat_keys(2)
    E, Q = base_mul(scene.scalar("e")), base_mul(scene.scalar("q"))

    def given(key: Point, Q: Point | None, a: Answer, context: bytes = CONTEXT) -> dict[str, object]:
        ticket = None if Q is None else Q.encode()
        return {
            "opening_key": key.encode(),
            "E": E.encode(),
            "Q": ticket,
            "W": a.W.encode(),
            "proof": a.proof,
            "context": context,
        }

    found, own = [], mine.opening_key
    for who, ticket in (("a reader", Q), ("the public", None)):
        other = None if ticket else Q
        a = sign_off.answer(mine, sign_off.mask(E, ticket), CONTEXT)
        b = sign_off.answer(theirs, sign_off.mask(E, ticket), CONTEXT)
        found += [
            good(f"for {who}", given(own, ticket, a)),
            bad("for another reader", given(own, other, a), false),
            bad("another request", given(own, ticket, a, OTHER), false),
            bad("another seat's share", given(own, ticket, b), false),
            bad("share for another seat", given(theirs.opening_key, ticket, a), false),
            bad("another seat's proof", given(own, ticket, replace(a, proof=b.proof)), false),
            bad("wrong share", given(own, ticket, replace(a, W=a.W + BASE)), false),
            bad("proof flipped", given(own, ticket, replace(a, proof=flipped(a.proof, 300))), false),
            bad(
                "proof cut", given(own, ticket, replace(a, proof=a.proof[:32])), "proof_length", field="proof"
            ),
            bad("ticket cancels E", given(own, -E, a), "ticket_cancels_dealing"),
        ]
        for why, raw, code in (
            ("share is the identity", twin.ZERO.encode(), "point_identity"),
            ("share of low order", twin.LOW_ORDER[2].encode(), "point_not_in_group"),
            ("share of mixed order", (twin.B + twin.LOW_ORDER[1]).encode(), "point_not_in_group"),
            ("share not canonical", (twin.P + 3).to_bytes(32, "little"), "point_not_canonical"),
        ):
            found.append(bad(why, given(own, ticket, a) | {"W": raw}, code, field="share"))
    return found


def recombine() -> list[Vector]:
    found = []
    keys = scene.seat_keys(6)
    secret, dealt = dealing.deal(NESTED, [k.opening_key for k in keys])
    q = scene.scalar("q")
    for leaves in ((0, 4), (0, 5), (0, 1, 2), (0, 1, 3), (1, 2, 5), (2, 3, 4), (0, 1, 2, 3, 4, 5)):
        masked = sign_off.mask(dealt.E, base_mul(q))
        W = {str(i): sign_off.answer(keys[i], masked, CONTEXT).W.encode() for i in leaves}
        given = {
            "shape": shape_json(NESTED),
            "keys": [k.opening_key.encode() for k in keys],
            "C": [C.encode() for C in dealt.C],
            "q": q.encode(),
            "W": W,
        }
        found.append(good(f"leaves {leaves}", given, S=secret.S.encode()))
        for gone in leaves[:2] if len(leaves) < 6 else ():
            fewer = {leaf: raw for leaf, raw in W.items() if leaf != str(gone)}
            found.append(bad("too few", given | {"W": fewer}, "quorum_not_met", have=len(leaves) - 1))
    return found


def envelopes() -> list[Vector]:
    false = "envelope_false"
    mine, theirs = scene.seat_keys(2)
    c, p = scene.seed("c"), scene.seed("p")
    place = envelope.seat_context(c, "seat-0")
    env = envelope.enclose(p, mine.kem_key, Label.ENVELOPE, place)

    def given(env: Envelope, kem_seed: bytes = mine.kem.encode(), **changed: object) -> dict[str, object]:
        return {
            "kem_seed": kem_seed,
            "ciphertext": env.ciphertext,
            "wrapped": env.wrapped,
            "label": "envelope",
            "c": c,
            "seat": "seat-0",
        } | changed

    other = envelope.enclose(p, mine.kem_key, Label.ENVELOPE, envelope.seat_context(OTHER, "seat-0"))
    return [
        good("a seat's own", given(env), p=p),
        bad("another seat's key", given(env, theirs.kem.encode()), false),
        bad("copied to another record", given(env, c=OTHER), false),
        bad("copied from another record", given(other), false),
        bad("another seat's name", given(env, seat="seat-1"), false),
        bad("another use", given(env, label="ticket-envelope"), false),
        bad("ciphertext of one, wrap of another", given(replace(env, wrapped=other.wrapped)), false),
        bad("ciphertext flipped", given(replace(env, ciphertext=flipped(env.ciphertext, 77))), false),
        bad("wrap flipped", given(replace(env, wrapped=flipped(env.wrapped, 77))), false),
        bad(
            "ciphertext cut",
            given(env, ciphertext=env.ciphertext[:-1]),
            "envelope_length",
            field="ciphertext",
        ),
        bad("wrap cut", given(env, wrapped=env.wrapped[:-1]), "envelope_length", field="wrapped"),
    ]


def sealings() -> list[Vector]:
    it = scene.sealed()
    S = it.opened((0, 1))
    key, ad = sealing._path_key(S, it.secrets.p, it.c), sealing._wrap_ad(it.c, it.commitment, it.path.p_hash)
    two_documents = aead.seal(key, aead.SINGLE_USE_NONCE, bytes(32), ad)
    given = {
        "author": it.author,
        "case": scene.CASE,
        "charter": scene.CHARTER,
        "record": scene.RECORD,
        "terms": it.terms,
        "seats": [
            {
                "seat": s.seat,
                "fingerprint": s.fingerprint,
                "opening_key": s.opening_key.encode(),
                "kem_key": s.kem_key,
            }
            for s in it.seats
        ],
        "body": b"body",
        "path": "settlement",
        "S": S.encode(),
        "p": it.secrets.p,
        "p_hash": it.path.p_hash,
        "commitment": it.commitment,
        "key_wrap": it.path.key_wrap,
    }
    d = sealing.dealing_digest(b"body", "settlement")
    return [
        good("from S and p to K", given, r=it.r, c=it.c, digest=d, K=it.K),
        bad("another author", given | {"author": "00" * 32}, "p_false"),
        bad("another record", given | {"record": "00" * 16}, "p_false"),
        bad("another audience", given | {"terms": it.terms + b", or public"}, "p_false"),
        bad("wrong p", given | {"p": bytes(32)}, "p_false"),
        bad("wrong S", given | {"S": (S + BASE).encode()}, "key_wrap_false"),
        bad("wrap flipped", given | {"key_wrap": flipped(it.path.key_wrap, 5)}, "key_wrap_false"),
        bad("another commitment", given | {"commitment": bytes(32)}, "key_wrap_false"),
        bad("two paths, two documents", given | {"key_wrap": two_documents}, "commitment_false"),
    ]
