"""flask-smorest, made ours.

Strict bodies, problems as RFC 9457 has them, and ids checked by the routes themselves.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import marshmallow as ma
from flask import Flask, Request, Response, current_app
from flask_smorest import Api, Blueprint
from flask_smorest.utils import prepare_response
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from escrow.api import problems
from escrow.api.bodies import read_json_bytes
from escrow.api.codes import Codes, by_status
from escrow.api.etags import polled
from escrow.api.transfers import Transfers
from escrow.config import Settings
from escrow.errors import MalformedError
from escrow.model.wire import decode_json
from escrow.service.desk import Desk

View = TypeVar("View", bound=Callable[..., Any])

EXTENSION = "escrow-desk"
TRANSFERS = "escrow-transfers"
DOCUMENT = "escrow-document"

CODES = "x-codes"
"""In the document, beside a refusal: its possible problem codes."""
POLLED = "x-polled"
"""Left for document.py, as is `CODES` of the whole operation."""


def desk() -> Desk:
    """The desk of the application that serves this request."""
    found: Desk = current_app.extensions[EXTENSION]
    return found


def document() -> dict[str, Any]:
    """The OpenAPI document of the application that serves this request."""
    found: dict[str, Any] = current_app.extensions[DOCUMENT]
    return found


def transfers() -> Transfers:
    """The long transfers of the process that serves this request."""
    found: Transfers = current_app.extensions[TRANSFERS]
    return found


def body_limit(settings: Settings) -> int:
    """A statement, a share object in base64url, and the JSON around them."""
    return settings.statement_bytes + 100 * 1024


class StrictParser(FlaskParser):
    """Unknown and repeated fields are refused; JSON is read by the same strict parser as statements are."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE}  # noqa: RUF012

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        limit = body_limit(desk().settings)
        with transfers().receiving(req.content_length or 0):
            raw = read_json_bytes(req, limit=limit)
        return decode_json(raw, limit=limit, field="body")

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        for name, values in req.args.lists():
            if len(values) > 1:  # which of them counts is not for us to guess
                raise MalformedError("field_refused", field=name[:100])
        return super().load_querystring(req, schema)


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint whose arguments are strict. Most methods only give the library's decorators types."""

    ARGUMENTS_PARSER = StrictParser()

    def route(self, rule: str, **options: Any) -> Callable[[View], View]:
        found: Callable[[View], View] = super().route(rule, **options)
        return found

    def arguments(self, schema: type[ma.Schema], **options: Any) -> Callable[[View], View]:
        found: Callable[[View], View] = super().arguments(schema, **options)
        return found

    def response(self, status: int, schema: type[ma.Schema], **options: Any) -> Callable[[View], View]:
        found: Callable[[View], View] = super().response(status, schema, **options)
        return found

    def alt_response(self, status: int, **options: Any) -> Callable[[View], View]:
        found: Callable[[View], View] = super().alt_response(status, **options)
        return found

    @staticmethod
    def doc(**facts: Any) -> Callable[[View], View]:
        found: Callable[[View], View] = Blueprint.doc(**facts)
        return found

    def refuses(self, *given: str | Codes) -> Callable[[View], View]:
        """Document with which codes (codes.py) a route may refuse, and so with which statuses."""
        found = by_status(*given)

        def decorate(view: View) -> View:
            for status in found:
                view = self.alt_response(status, schema=ProblemSchema, content_type=problems.MEDIA_TYPE)(view)
            return self.doc(**{CODES: {str(status): codes for status, codes in found.items()}})(view)

        return decorate

    def polled(self, view: View) -> View:
        """A view that clients ask again and again: give its answers ETags. Above `response`."""
        found: View = self.doc(**{POLLED: True})(polled(view))  # type: ignore[assignment]
        return found


class ProblemSchema(ma.Schema):
    """application/problem+json (RFC 9457)."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    code = ma.fields.String(required=True, metadata={"description": "Stable; escrow/words lists them all"})
    request_id = ma.fields.String(
        required=True,
        metadata={"description": "Of this request, also in X-Request-Id and in the service's log"},
    )
    facts = ma.fields.Dict(required=True, data_key="fields")
    incident = ma.fields.String(metadata={"description": "For the operator; only with status 500"})


class ProblemApi(Api):  # type: ignore[misc]
    """Answers problems in one shape, and documents them so."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        return problems.problem_of_http(error)

    def _register_responses(self) -> None:
        """As in the parent, with the media type of problems."""
        for status in (400, 422):  # those that flask-smorest itself refers to by name
            response = {"description": "Problem", "schema": self.ERROR_SCHEMA}
            prepare_response(response, self.spec, problems.MEDIA_TYPE)
            name = {400: "BAD_REQUEST", 422: "UNPROCESSABLE_ENTITY"}[status]
            self.spec.components.response(name, response, lazy=True)


class HexConverter(BaseConverter):
    """An id of 16 bytes in lowercase hex. Any other text is an unknown route, hence `not_found`."""

    regex = "[0-9a-f]{32}"


class HashConverter(BaseConverter):
    """An id of 32 bytes in lowercase hex."""

    regex = "[0-9a-f]{64}"


class CodeConverter(BaseConverter):
    """A problem's code."""

    regex = "[a-z][a-z0-9_]{0,63}"


class PartConverter(BaseConverter):
    """A part's number."""

    regex = "[1-9][0-9]{0,4}"

    def to_python(self, value: str) -> int:
        return int(value)


def register_converters(app: Flask, api: Api) -> None:
    for name, converter, schema in (
        ("id16", HexConverter, {"type": "string", "pattern": "^[0-9a-f]{32}$"}),
        ("id32", HashConverter, {"type": "string", "pattern": "^[0-9a-f]{64}$"}),
        ("code", CodeConverter, {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}),
        ("part", PartConverter, {"type": "integer", "minimum": 1, "maximum": 99999}),
    ):
        app.url_map.converters[name] = converter
        api.register_converter(converter, lambda _, schema=schema: dict(schema))
