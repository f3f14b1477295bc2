"""Every route that reads, against every token that must not be believed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from support import build
from support.office import Office

from escrow.crypto.identity import Identity
from escrow.ledger import jws, token
from escrow.model.wire import to_time

CLAIMANT = build.SEATS["claimant"]
CASE, HASH, ID = "0" * 64, "1" * 64, "2" * 32

ROUTES = {
    "GET cases": "/v1/cases",
    "GET inbox": "/v1/inbox",
    "GET case": f"/v1/cases/{CASE}",
    "GET entries": f"/v1/cases/{CASE}/entries",
    "GET records": f"/v1/cases/{CASE}/records",
    "GET record": f"/v1/cases/{CASE}/records/{ID}",
    "GET payload": f"/v1/cases/{CASE}/records/{ID}/payload",
    "GET requests": f"/v1/cases/{CASE}/requests",
    "GET request": f"/v1/cases/{CASE}/requests/{HASH}",
    "GET bundle": f"/v1/cases/{CASE}/requests/{HASH}/bundle",
    "GET shares": f"/v1/cases/{CASE}/shares/{HASH}",
    "GET upload": f"/v1/cases/{CASE}/uploads/{ID}",
    "PUT upload": f"/v1/cases/{CASE}/uploads/{ID}",
    "PUT part": f"/v1/cases/{CASE}/uploads/{ID}/parts/1",
}


def claims(who: Identity = CLAIMANT, **changed: object) -> dict[str, object]:
    issued = int(build.START.timestamp())
    return {"iss": str(who.card), "aud": build.URL, "iat": issued, "exp": issued + 240} | changed


def at(seconds: int) -> int:
    return int((build.START + timedelta(seconds=seconds)).timestamp())


BAD: dict[str, tuple[str, Callable[[], str]]] = {
    "no scheme": ("token_malformed", lambda: jws.sign(CLAIMANT, token.TYP, claims())),
    "basic": ("token_malformed", lambda: "Basic Zm9vOmJhcg=="),
    "empty": ("token_malformed", lambda: "Bearer "),
    "rubbish": ("token_malformed", lambda: "Bearer rubbish"),
    "unsigned": ("token_malformed", lambda: "Bearer eyJhbGciOiJub25lIn0.e30."),
    "wrong key": (
        "token_signature_false",
        lambda: "Bearer " + jws.sign(build.party("mallory"), token.TYP, claims()),
    ),
    "wrong type": ("token_malformed", lambda: "Bearer " + jws.sign(CLAIMANT, "escrow.note.v1", claims())),
    "wrong audience": (
        "token_wrong_audience",
        lambda: "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(aud="https://other.example")),
    ),
    "stale": (
        "token_stale",
        lambda: "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(iat=at(-400), exp=at(-160))),
    ),
    "future": (
        "token_from_future",
        lambda: "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(iat=at(100), exp=at(300))),
    ),
    "too long": ("token_too_long", lambda: "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(exp=at(301)))),
    "unknown claim": ("token_malformed", lambda: "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(sub="x"))),
}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("tokens"))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("kind", BAD)
def test_token_that_cannot_be_believed_is_refused(office: Office, route: str, kind: str) -> None:
    code, header = BAD[kind]
    method = route.split()[0]
    body = {"data": b"x", "content_type": "application/octet-stream"} if route == "PUT part" else {}
    if route == "PUT upload":
        body = {"json": {"length": 1, "part_size": 1}}
    answer = office.client.open(ROUTES[route], method=method, headers={"Authorization": header()}, **body)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (401, code)
    assert problem["fields"] == {"server_time": to_time(build.START)}
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("route", ["GET cases", "GET inbox"])
def test_list_of_ones_own_needs_a_token(office: Office, route: str) -> None:
    answer = office.get(ROUTES[route])
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_missing")


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in ("GET cases", "GET inbox")])
def test_private_thing_without_a_token_is_not_found(office: Office, route: str) -> None:
    body = {"data": b"x", "content_type": "application/octet-stream"} if route == "PUT part" else {}
    if route == "PUT upload":
        body = {"json": {"length": 1, "part_size": 1}}
    answer = office.client.open(ROUTES[route], method=route.split()[0], **body)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_token_at_the_edge_of_the_skew_is_believed(office: Office) -> None:
    late = "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(iat=at(-299), exp=at(-59)))
    early = "Bearer " + jws.sign(CLAIMANT, token.TYP, claims(iat=at(60), exp=at(300)))
    for header in (late, early):
        assert office.client.get("/v1/cases", headers={"Authorization": header}).status_code == 200
