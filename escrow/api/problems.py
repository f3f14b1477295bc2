"""One shape for every refusal: application/problem+json (RFC 9457) with a stable `code` and plain `fields`.

Our own errors get their status and words from escrow/words. What the framework refuses gets a code of
this file's table. Anything else is an incident: the caller gets a number, the log gets the same number and
where it happened.
"""

import json
import secrets
import traceback

import structlog
from flask import Response, g
from werkzeug.exceptions import HTTPException

from escrow.api.watching import Limited, Refused, tell
from escrow.errors import (
    EscrowError,
    MalformedError,
    NotFoundError,
    TooManyError,
    UnauthorizedError,
    UnavailableError,
)
from escrow.words import describe

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

HTTP_CODES = {
    400: "request_malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
}
"""What the framework itself refuses. Other statuses are shown as `request_malformed`."""
INTERNAL_ERROR = "internal_error"
DAMAGE = {
    "ledger_damaged",
    "part_damaged",
    "payload_missing",
    "share_object_missing",
    "storage_failed",
    "storage_full",
    "stored_object_differs",
}
"""What the operator must look after, and is told by a line of level error."""
SHOWN_OF_DAMAGE = {"n", "number", "reason", "bucket", "operation"}
"""Of its fields. The others name cases, which are not for the log; `scripts/audit.py` finds where it is."""

log = structlog.get_logger("escrow")


def type_of(code: str) -> str:
    """The problem's type: a name, the same at every service. What it means is at /v1/problems/CODE."""
    return f"urn:escrow:problem:{code}"


def problem_of(error: EscrowError) -> Response:
    """The answer to one of our errors. All that is unknown or forbidden looks alike.

    Only the request's id differs.
    """
    structlog.contextvars.bind_contextvars(code=error.code)
    damage = error.code in DAMAGE
    reason = error.fields.get("reason")
    tell(Refused(code=error.code, reason=reason if isinstance(reason, str) else None, damage=damage))
    if isinstance(error, TooManyError):
        tell(Limited(room=str(error.fields["room"])))
    if damage:
        facts = {name: value for name, value in error.fields.items() if name in SHOWN_OF_DAMAGE}
        log.error("damage", **facts)
    if isinstance(error, NotFoundError):
        error = NotFoundError("not_found")
    response = _problem(error)
    if isinstance(error, UnauthorizedError):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, UnavailableError):
        response.headers["Retry-After"] = str(error.fields.get("retry_after", RETRY_AFTER_S))
    if error.code == "range_out_of_bounds":
        response.headers["Content-Range"] = f"bytes */{error.fields['length']}"
    return response


def problem_of_http(error: HTTPException) -> Response:
    """The answer to what the framework refused: an unknown route, a method, a schema."""
    data = getattr(error, "data", None)
    if isinstance(data, dict) and isinstance(data.get("messages"), dict):
        return problem_of(_schema_error(data["messages"]))
    status = error.code or 500
    if status >= 500:
        return problem_of_surprise(error)
    known = status if status in HTTP_CODES else 400
    if known == 404:
        return problem_of(NotFoundError("not_found"))
    response = problem_of(MalformedError(HTTP_CODES[known], field="request"))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def problem_of_surprise(error: Exception) -> Response:
    """An incident. The log says which exception and where, never its words.

    They may hold what a caller sent.
    """
    incident = secrets.token_hex(8)
    frames = [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    log.error("incident", incident=incident, exception=type(error).__name__, frames=frames[-12:])
    structlog.contextvars.bind_contextvars(code=INTERNAL_ERROR)
    tell(Refused(code=INTERNAL_ERROR, reason=None, damage=False))
    return _problem(UnavailableError(INTERNAL_ERROR, incident=incident), incident=incident)


def _problem(error: EscrowError, **more: str) -> Response:
    shown = describe(error)
    body = {
        "type": type_of(error.code),
        "title": shown.title,
        "status": shown.status,
        "detail": f"{shown.detail} {shown.remedy}",
        "code": error.code,
        "request_id": g.request_id,
        "fields": {
            name: list(value) if isinstance(value, tuple) else value for name, value in error.fields.items()
        },
    } | more
    raw = json.dumps(body, ensure_ascii=True)
    return Response(raw, status=shown.status, mimetype=MEDIA_TYPE)


def _schema_error(messages: dict[str, object]) -> MalformedError:
    """The first field that a schema refused, in the words of our own parsers."""
    at: list[str] = []
    found: object = messages
    while isinstance(found, dict) and found:
        key = min(found, key=str)
        at.append(str(key)[:100])
        found = found[key]
    said = str(found[0]) if isinstance(found, list) and found else str(found)
    field = ".".join(at[1:] or at)
    if said == "Unknown field.":
        return MalformedError("field_unknown", field=field)
    if said == "Missing data for required field.":
        return MalformedError("field_missing", field=field)
    return MalformedError("field_refused", field=field)
