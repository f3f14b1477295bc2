"""The OpenAPI document, against the application: no fault, no undocumented status, type or shape.

Schemathesis draws requests from the document, always the same ones, at a case that holds something of each
kind.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support import build
from support.office import Office

from escrow.api.resources.pages import PAGES
from escrow.crypto.identity import Identity

CLAIMANT = build.SEATS["claimant"]
NEGATIVE = GenerationMode.NEGATIVE
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


EXAMPLES = 30
"""Of each operation, twice: with ids drawn at random, and with ids of things that are there."""


@dataclass(frozen=True)
class World:
    office: Office
    known: dict[str, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    office = Office(tmp_path_factory.mktemp("openapi"), requests_per_s_per_card=0, posts_per_s_per_case=0)
    case = office.accepted()
    record = office.deposited(case)
    request = case.request(record, "memo")
    case.sign_off(request, "claimant", "respondent")
    shares = case.state.requests[request].sign_offs["claimant"][0].shares
    office.begin(case.id, CLAIMANT, "ab" * 16, 10)
    known = {
        "code": "not_found", "case": case.id, "record": record, "asked": request, "shares": shares,
        "upload": "ab" * 16,
    }  # fmt: skip
    return World(office, known)


def test_service_does_what_its_document_says(world: World) -> None:
    """Two of three requests carry a good token."""
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", world.office.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 23
    statuses: set[int] = set()
    for operation in operations:
        statuses |= probe(world, operation)
    assert statuses >= {200, 400, 401, 404}, (
        "the probe has reached what is there, what is not, and what is malformed"
    )


def probe(world: World, operation: Any) -> set[int]:
    """Send what the document allows, and some of what it does not; the statuses that came back."""
    found: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.one_of(operation.as_strategy(), operation.as_strategy(generation_mode=NEGATIVE)),
        st.booleans(),
        st.sampled_from([CLAIMANT, CLAIMANT, None]),
    )
    def ask(case: schemathesis.Case, there: bool, who: Identity | None) -> None:
        if there and case.path_parameters:
            case.path_parameters = case.path_parameters | {
                name: value for name, value in world.known.items() if name in case.path_parameters
            }
        answer = case.call(headers=world.office.bearer(who))
        found.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            problem = answer.json()
            assert (
                problem["code"] in operation.definition.raw["responses"][str(answer.status_code)]["x-codes"]
            )
            assert problem["request_id"] == answer.headers["x-request-id"][0]

    ask()
    return found


def test_document_is_openapi_3_1_and_names_every_route(tmp_path: Path) -> None:
    office = Office(tmp_path)
    document = office.get("/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    routes = {rule.rule for rule in office.app.url_map.iter_rules()} - set(office.app.extensions[PAGES])
    assert len(document["paths"]) == len(routes)
    for operations in document["paths"].values():
        for method, operation in operations.items():
            if method in ("get", "put", "post", "delete"):
                assert operation["summary"]
                assert "default" not in operation["responses"]
