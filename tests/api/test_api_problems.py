"""Faults of our own, health, and what the service says of itself."""

from pathlib import Path

import pytest
import structlog
from store.faulty import FaultyStore, Mode
from structlog.testing import capture_logs
from support import build
from support.office import Office, office_settings
from support.refusals import refuses

from escrow.api.app import create_app
from escrow.errors import SetupError

CANARY_WORD = "the words of the settlement"


class SurprisingStore(FaultyStore):
    def names(self, *args: object, **kwargs: object) -> list[str]:
        raise ValueError(CANARY_WORD)


def test_surprise_becomes_an_incident_without_its_words(office: Office) -> None:
    app = create_app(office.settings, SurprisingStore(office.store, kill_at=0), office.clock)
    with capture_logs() as logs:
        answer = app.test_client().get("/v1/cases", headers=office.bearer(build.CONVENOR))
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    incident = next(line for line in logs if line["event"] == "incident")
    assert incident["incident"] == problem["incident"]
    assert incident["exception"] == "ValueError"
    assert CANARY_WORD not in answer.text + str(logs)


def test_storage_that_fails_answers_503(office: Office) -> None:
    faulty = FaultyStore(office.store, kill_at=1, mode=Mode.UNAVAILABLE)
    answer = office.over(faulty).get("/v1/cases", build.CONVENOR)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_failed")
    assert answer.headers["Retry-After"] == "5"


def test_log_of_a_request_names_its_route_and_never_its_path(office: Office) -> None:
    case = office.accepted()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = office.get(f"/v1/cases/{case.id}/records/{'5' * 32}", build.CONVENOR)
    assert [line["route"] for line in logs] == ["/v1/cases/<id32:case>/records/<id16:record>"]
    assert logs[0]["code"] == "not_found"
    assert logs[0]["request_id"] == answer.headers["X-Request-Id"]
    assert case.id not in str(logs)


def test_alive_and_ready(office: Office) -> None:
    assert office.get("/healthz").get_json() == {"status": "ok"}
    assert office.get("/readyz").get_json() == {"status": "ok"}


def test_not_ready_where_the_storage_is_another(office: Office, tmp_path: Path) -> None:
    (tmp_path / "store").rename(tmp_path / "store that went away")
    answer = office.get("/readyz")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_failed")


@pytest.mark.parametrize("bucket", ["ledger", "records", "public"])
@pytest.mark.parametrize("spoilt", [b"", b"another", b"x" * 5000, None])
def test_not_ready_where_a_bucket_is_another(
    office: Office, tmp_path: Path, bucket: str, spoilt: bytes | None
) -> None:
    canary = tmp_path / "store" / bucket / "canary"
    canary.chmod(0o600)
    canary.unlink() if spoilt is None else canary.write_bytes(spoilt)
    answer = office.get("/readyz")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_failed")


def test_damaged_ledger_is_an_error_in_the_log_that_names_no_case(office: Office, tmp_path: Path) -> None:
    case = office.accepted()
    (entry,) = (tmp_path / "store").rglob(f"{case.id}/entries/*1")
    entry.chmod(0o600)
    entry.write_bytes(b"rubbish")
    with capture_logs() as logs:
        answer = office.over(office.store).get(f"/v1/cases/{case.id}", build.CONVENOR)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"], problem["fields"]["n"]) == (503, "ledger_damaged", 1)
    assert "scripts/audit.py" in problem["detail"]
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert (line["event"], line["n"]) == ("damage", 1)
    assert case.id not in str(logs)


@pytest.mark.parametrize(
    "query",
    [
        "after=1_0",
        "after=%D9%A1",
        "after=%201",
        "after=%2B1",
        "limit=1_0",
        "after=1&after=2",
        "limit=1&limit=2",
    ],
)
def test_query_that_two_readers_may_read_in_two_ways_is_refused(office: Office, query: str) -> None:
    answer = office.get(f"/v1/cases/{office.accepted().id}/entries?{query}", build.CONVENOR)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "field_refused")
    assert answer.get_json()["fields"]["field"] == query.split("=")[0]


def test_not_ready_while_stopping_but_alive(office: Office) -> None:
    app = create_app(office.settings, office.store, office.clock, draining=lambda: True)
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "service_stopping")
    assert app.test_client().get("/healthz").status_code == 200


def test_service_says_who_it_is_and_what_it_takes(tmp_path: Path) -> None:
    office = Office(tmp_path, convenors=(str(build.CONVENOR.card),), records_per_case=7)
    found = office.get("/v1/service").get_json()
    assert found["card"] == str(build.SERVICE.card)
    assert found["fingerprint"] == build.SERVICE.card.fingerprint
    assert (found["url"], found["time"], found["convenors"]) == (
        build.URL,
        "2026-12-01T09:00:00.000Z",
        "listed",
    )
    assert (found["limits"]["statement"], found["limits"]["records_per_case"]) == (6 * 1024 * 1024, 7)


def test_convenor_in_the_settings_that_is_no_card_stops_the_start(tmp_path: Path) -> None:
    settings = office_settings(tmp_path, convenors=("escrowcard1rubbish",))
    with refuses(SetupError, "setting_malformed", setting="convenors"):
        create_app(settings, FaultyStore(None, kill_at=0))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/cases/",
        "/v1/cases/xyz",
        "/v2/cases",
        "/v1//cases",
        "/v1/cases//",
        "/v1/cases/" + "A" * 64,
    ],
)
def test_address_that_does_not_exist_is_a_problem_too(office: Office, path: str) -> None:
    answer = office.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
