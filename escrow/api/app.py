"""The Flask application: routes, problems and one log line a request, around a desk.

`create_app(settings, store, clock)` is the only way to make one; nothing here reads the environment.
"""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

import escrow
from escrow.api import problems
from escrow.api.blueprint import (
    DOCUMENT,
    EXTENSION,
    TRANSFERS,
    ProblemApi,
    body_limit,
    register_converters,
    transfers,
)
from escrow.api.bodies import received
from escrow.api.document import DESCRIPTION, complete
from escrow.api.limiting import LIMITS, Limits, Ticks, headers
from escrow.api.resources.about import DRAINING, about, health
from escrow.api.resources.cases import cases
from escrow.api.resources.changes import changes
from escrow.api.resources.drop_offs import drop_offs
from escrow.api.resources.hooks import hooks
from escrow.api.resources.inbox import inbox
from escrow.api.resources.pages import PAGES, make_pages, pages
from escrow.api.resources.problems import meanings
from escrow.api.resources.records import records
from escrow.api.resources.references import references
from escrow.api.resources.requests import requests
from escrow.api.resources.uploads import uploads
from escrow.api.transfers import Transfers
from escrow.api.watching import WATCH, Answered, RequestBegan, RequestOver, tell
from escrow.config import Settings
from escrow.errors import EscrowError, UnavailableError
from escrow.service.desk import Clock, Desk
from escrow.store.interface import Store
from escrow.store.watching import Watch, nobody

log = structlog.get_logger("escrow")

_OPENAPI = {
    "API_TITLE": "Escrow",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "Signed by the caller's own card for this service: `escrow token`",
                }
            }
        },
    },
}


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    store: Store,
    clock: Clock = utc_now,
    *,
    draining: Callable[[], bool] = lambda: False,
    watch: Watch = nobody,
    ticks: Ticks = time.monotonic,
) -> Flask:
    """The application. `draining` says whether the service is about to stop, and so not ready for more.

    `watch` is told of what happens, at the door and behind it. `ticks`: seconds, by which limits of use fill.
    """
    app = Flask("escrow.api", static_folder=None)
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False  # an address with two slashes is unknown, and redirects nowhere
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(_OPENAPI)
    app.config["MAX_CONTENT_LENGTH"] = body_limit(settings)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.extensions[EXTENSION] = Desk.set_up(settings, store, clock, watch=watch)
    app.extensions[TRANSFERS] = Transfers(settings.threads, watch=watch)
    app.extensions[LIMITS] = Limits(settings, ticks)
    app.extensions[WATCH] = watch
    app.extensions[DRAINING] = draining
    _add_routes(app)
    app.register_error_handler(EscrowError, problems.problem_of)
    app.register_error_handler(HTTPException, problems.problem_of_http)
    app.register_error_handler(Exception, problems.problem_of_surprise)
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_leave)
    return app


def _add_routes(app: Flask) -> None:
    api = ProblemApi(app, spec_kwargs={"version": escrow.__version__})
    register_converters(app, api)
    for resource in (
        about, health, cases, records, requests, uploads, drop_offs, inbox, changes, references, hooks,
        meanings
    ):  # fmt: skip
        api.register_blueprint(resource)
    app.register_blueprint(pages)
    app.extensions[DOCUMENT] = whole = complete(api.spec.to_dict(), app)
    app.extensions[PAGES] = make_pages(whole)


def _begin() -> None:
    g.began = time.monotonic()
    g.request_id = secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    tell(RequestBegan())


def _leave(_: BaseException | None) -> None:
    if "began" in g:
        tell(RequestOver())


def _finish(response: Response) -> Response:
    response = _sendable(response)
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.update(headers())
    response.headers.setdefault("Cache-Control", "no-store")
    answered = Answered(
        route=None if request.url_rule is None else request.url_rule.rule,
        method=request.method if request.method in {"GET", "HEAD", "POST", "PUT", "OPTIONS"} else "other",
        status=response.status_code,
        seconds=time.monotonic() - g.began,
        received=received(),
    )
    tell(answered)
    log.info(
        "request",
        method=answered.method,
        route=answered.route,
        status=answered.status,
        ms=round(answered.seconds * 1000, 1),
    )
    return response


def _sendable(response: Response) -> Response:
    if request.method == "HEAD":
        return response
    try:
        transfers().send(response)
    except UnavailableError as busy:
        response.close()
        return problems.problem_of(busy)
    return response
