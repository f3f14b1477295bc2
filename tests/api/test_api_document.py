"""The OpenAPI document is complete and true, and later ones break nothing that was promised."""

import copy
import json
from typing import Any

import pytest
from support import build
from support.catalogue import codes
from support.documented import require_documented
from support.examples import Play, played
from support.office import Office
from support.promises import KEPT, broken, promises

from escrow.api import codes as groups
from escrow.api.codes import ALL, by_status, raised_in
from escrow.api.document import codes_of, operations
from escrow.words import WORDS

Json = dict[str, Any]
WITHOUT_EXAMPLE = {
    "drop_off_a_file": "a form with a file; `escrow drop-off post` prints it for curl",
    "list_problems": "as long as the catalogue, which is in the document",
    "read_payload": "bytes",
    "show_addresses": "a folder has no addresses to offer; a real one would be a credential",
}


@pytest.fixture
def document(office: Office) -> Json:
    found: Json = office.get("/v1/openapi.json").get_json()
    return found


# Problem codes


def test_codes_are_those_that_the_source_raises() -> None:
    kept = {
        code: {"statuses": list(row.statuses), "fields": list(row.fields), "files": sorted(row.raised_in)}
        for code, row in ALL.items()
    }
    assert kept == codes(), "scripts/generate"


def test_file_that_raises_no_code_is_refused_as_a_group() -> None:
    with pytest.raises(KeyError):
        raised_in("ledger/gone.py")


def test_code_that_no_room_raises_is_refused_at_a_route() -> None:
    with pytest.raises(KeyError):
        by_status("moon_in_the_wrong_house")


def test_every_refusal_names_its_codes_and_each_code_its_words(document: Json) -> None:
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "4":
                assert response["x-codes"], (operation["operationId"], status)
                assert list(response["content"]) == ["application/problem+json"]
        for status, found in codes_of(operation).items():
            for code in found:
                meaning = document["x-problems"][code]
                assert status in meaning["statuses"]
                assert meaning["title"] == WORDS[code].title
                assert meaning["detail"] == WORDS[code].detail.replace(":card}", "}")
                assert meaning["remedy"] == WORDS[code].remedy


def test_answer_that_the_document_does_not_foresee_fails_a_test(office: Office) -> None:
    answer = office.get("/v1/cases")
    require_documented(office.app, "/v1/cases", "GET", answer)
    with pytest.raises(AssertionError, match="show_service answered 401"):
        require_documented(office.app, "/v1/service", "GET", answer)
    answer.set_data(json.dumps(answer.get_json() | {"code": "share_false"}))
    with pytest.raises(AssertionError, match="list_cases answered 401 share_false"):
        require_documented(office.app, "/v1/cases", "GET", answer)


def test_catalogue_is_served_whole_and_by_code(office: Office, document: Json) -> None:
    listed = office.get("/v1/problems").get_json()["problems"]
    assert {each["code"]: each for each in listed} == document["x-problems"]
    assert len(listed) > 150
    for each in listed[::20]:
        assert office.get(f"/v1/problems/{each['code']}").get_json() == each


@pytest.mark.parametrize("code", ["Not_found", "x" * 65, "keygen_refused", "setting_missing", "not_found/"])
def test_code_that_no_answer_has_is_not_found(office: Office, code: str) -> None:
    answer = office.get(f"/v1/problems/{code}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_problem_that_is_answered_can_be_looked_up(office: Office) -> None:
    problem = office.get("/v1/inbox?limit=0", build.CONVENOR).get_json()
    meaning = office.get(f"/v1/problems/{problem['code']}").get_json()
    assert (meaning["type"], meaning["title"]) == (problem["type"], problem["title"])
    assert problem["status"] in meaning["statuses"]
    assert set(problem["fields"]) <= set(meaning["fields"])


# Operations


def test_operations_have_names_and_no_two_the_same(document: Json) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names)) >= 23


def test_who_is_counted_is_told_so(document: Json) -> None:
    for _, _, operation in operations(document):
        counted = "429" in operation["responses"]
        assert counted == ("RateLimit" in operation["responses"]["400"]["headers"]), operation["operationId"]


# Examples


def test_examples_are_what_the_service_takes_and_answers(document: Json) -> None:
    again = played()
    shown: dict[str, Json] = {}
    for _, _, operation in operations(document):
        answers = {
            status: media["example"]
            for status, response in operation["responses"].items()
            for media in response.get("content", {}).values()
            if "example" in media
        }
        found: Json = {"answers": answers} if answers else {}
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if "example" in media:
                found["request"] = media["example"]
        if found:
            shown[operation["operationId"]] = found
    assert shown == again, "scripts/generate"


def test_every_operation_has_an_example_of_what_it_takes_and_answers(document: Json) -> None:
    for _, _, operation in operations(document):
        name = operation["operationId"]
        good = [
            "example" in media
            for status, response in operation["responses"].items()
            if status < "3"
            for media in response["content"].values()
        ]
        assert all(good) != (name in WITHOUT_EXAMPLE), name
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or "example" in body, name


def test_examples_hold_no_token_and_no_secret(document: Json, tmp_path: Any) -> None:
    text = json.dumps(document)
    assert "Bearer ey" not in text
    for who in Play(tmp_path).people.values():
        assert who.dump() not in text


# The promise


def test_document_breaks_no_promise(document: Json) -> None:
    promised = set(KEPT.read_text().splitlines())
    assert len(promised) > 300
    assert broken(document, promised) == []


def _without_a_field(document: Json) -> None:
    del document["components"]["schemas"]["Case"]["properties"]["head"]


def _with_another_type(document: Json) -> None:
    document["components"]["schemas"]["Record"]["properties"]["length"] = {"type": "string"}


def _with_a_field_that_may_be_missing(document: Json) -> None:
    document["components"]["schemas"]["Receipt"]["required"].remove("n")


def _without_a_route(document: Json) -> None:
    del document["paths"]["/v1/inbox"]


def _without_a_parameter(document: Json) -> None:
    operation = document["paths"]["/v1/cases"]["get"]
    operation["parameters"] = [each for each in operation["parameters"] if each["name"] != "limit"]


def _with_a_field_demanded(document: Json) -> None:
    document["components"]["schemas"]["Posting"]["required"].append("attachment")


def _with_a_parameter_demanded(document: Json) -> None:
    document["paths"]["/v1/cases"]["get"]["parameters"][0]["required"] = True


def _with_a_token_demanded(document: Json) -> None:
    document["paths"]["/v1/cases"]["post"]["security"] = [{"token": []}]


@pytest.mark.parametrize(
    "change",
    [
        _without_a_field, _with_another_type, _with_a_field_that_may_be_missing, _without_a_route,
        _without_a_parameter, _with_a_field_demanded, _with_a_parameter_demanded, _with_a_token_demanded,
    ],
)  # fmt: skip
def test_change_that_breaks_programs_is_found(document: Json, change: Any) -> None:
    promised = set(promises(document))
    changed = copy.deepcopy(document)
    change(changed)
    assert broken(changed, promised) != []


def test_addition_breaks_nothing(document: Json) -> None:
    promised = set(promises(document))
    document["paths"]["/v1/more"] = copy.deepcopy(document["paths"]["/v1/inbox"])
    document["components"]["schemas"]["Case"]["properties"]["more"] = {"type": "string"}
    document["components"]["schemas"]["Case"]["required"].append("more")
    document["components"]["schemas"]["Posting"]["properties"]["more"] = {"type": "string"}
    assert broken(document, promised) == []


def test_groups_are_of_codes_that_are_known() -> None:
    for group in (*groups.WRITE, *groups.SEND, *groups.SEND_OCTETS, groups.ANYTHING, groups.STORAGE):
        assert by_status(group)
