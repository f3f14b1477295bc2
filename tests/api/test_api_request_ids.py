"""A request's id: in every answer, every problem and every line of the log, and the service's own."""

import pytest
import structlog
from structlog.testing import capture_logs
from support import build
from support.office import Office

CLAIMANT = build.SEATS["claimant"]


@pytest.mark.parametrize("path", ["/v1/cases", "/v1/inbox?limit=0", f"/v1/cases/{'0' * 64}", "/nowhere"])
def test_problem_header_and_log_have_the_same_id(office: Office, path: str) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = office.get(path)
    assert answer.status_code >= 400
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"] == logs[-1]["request_id"]


@pytest.mark.parametrize("own", ["0123456789abcdef", "x" * 200, "a settlement of 90,000"])
def test_id_that_a_caller_chose_is_neither_believed_nor_kept(office: Office, own: str) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        answer = office.get("/v1/cases", X_Request_Id=own)
    assert own not in answer.text + str(answer.headers) + str(logs)


def test_no_two_requests_have_one_id(office: Office) -> None:
    ids = {office.get("/v1/service").headers["X-Request-Id"] for _ in range(100)}
    assert len(ids) == 100
