"""A test client that lets no answer pass which the OpenAPI document does not foresee.

So every test that speaks HTTP in one process also tests that the document is complete: an operation's
statuses, and the problem codes of each.
"""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from escrow.api.blueprint import DOCUMENT
from escrow.api.document import codes_of


class DocumentedClient(FlaskClient):
    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        require_documented(self.application, answer.request.path, answer.request.method, answer)
        return answer


def operation_of(app: Any, path: str, method: str) -> dict[str, Any] | None:
    """What the document says of it; None: no such route, or none that the document describes."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path, method)
    except HTTPException:
        return None
    name = endpoint.rpartition(".")[2]
    for item in app.extensions[DOCUMENT]["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and operation.get("operationId") == name:
                return operation
    return None


def require_documented(app: Any, path: str, method: str, answer: TestResponse) -> None:
    operation = operation_of(app, path, "GET" if method == "HEAD" else method)
    if operation is None:
        return
    name, status = operation["operationId"], answer.status_code
    assert str(status) in operation["responses"], f"{name} answered {status}, which is not documented"
    if answer.mimetype == "application/problem+json" and method != "HEAD":
        code = answer.get_json()["code"]
        assert code in codes_of(operation)[status], (
            f"{name} answered {status} {code}, which is not documented"
        )


def told(answer: TestResponse) -> tuple[int, bytes, dict[str, str]]:
    """All that a caller is told, but for what is each request's own: its id, and what is left of a room."""
    own = answer.headers.get("X-Request-Id", "")
    headers = {
        name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "RateLimit")
    }
    return answer.status_code, answer.data.replace(own.encode(), b""), headers
