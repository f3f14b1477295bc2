"""The OpenAPI document, whole: what flask-smorest reads off the views, and what it cannot know.

That is: a name for each operation (its view's), headers that every answer has, what each problem code means
(catalogue.py), and examples (`examples.json`), which `scripts/generate` takes from a real case and a test
takes again.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from flask import Flask

from escrow.api.blueprint import CODES, POLLED
from escrow.api.catalogue import meanings
from escrow.api.etags import NOT_MODIFIED
from escrow.api.problems import MEDIA_TYPE

METHODS = ("get", "put", "post", "delete")
PROBLEMS = "x-problems"
"""At the top of the document: code, meaning."""
DESCRIPTION = """Threshold-encrypted negotiation records: sealed by parties, opened when enough sign off.

Writing needs no token: a statement carries its author's signature. Reading takes one, made by `escrow token`.
Every refusal is `application/problem+json` (RFC 9457) with a stable `code`: `x-codes` beside a status lists
those that it may have, `x-problems` and `/v1/problems` say what each means and what to do. Whatever a caller
may not see is `not_found`. Posts may be sent again: a statement enters once, and gets its first receipt.

Requests are counted for the card of their token, postings without a token for their case; what is too much
is 429 with `Retry-After`. Any address may also answer 404, and 405 for a method that it has not.

Within v1 nothing that is here goes away or changes its meaning; fields, codes, routes and values may be
added, so pass over what you do not know. The whole promise: infra/guides/api.md.
"""
_HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "description": "Of this request; the service's log has it too. A caller's own is not read",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'Where the request was counted: `"ROOM";r=LEFT;t=SECONDS`, until it is full again',
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": '`"ROOM";q=QUOTA;w=SECONDS`, for each worker of the service',
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds", "schema": {"type": "integer"}},
    "ETag": {"description": "For If-None-Match", "schema": {"type": "string"}},
}
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "The ETag of the answer that the caller has",
    "schema": {"type": "string"},
}
_OF_STATUS = {"429": ("Retry-After",), "503": ("Retry-After",), "304": ("ETag",)}

Json = dict[str, Any]


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method and operation of each."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def codes_of(operation: Json) -> dict[int, list[str]]:
    """By status."""
    return {int(status): found[CODES] for status, found in operation["responses"].items() if CODES in found}


def complete(spec: Json, app: Flask) -> Json:
    """The document, from what flask-smorest made."""
    document = copy.deepcopy(spec)
    document["components"]["headers"] = _HEADERS
    examples = json.loads(files("escrow.api").joinpath("examples.json").read_text())
    names = _names(app)
    codes: set[str] = set()
    for path, method, operation in operations(document):
        operation["operationId"] = name = names[path, method]
        _add_refusals(operation)
        for status, response in operation["responses"].items():
            codes.update(response.get(CODES, ()))
            _add_headers(
                status,
                response,
                counted="429" in operation["responses"],
                tagged="304" in operation["responses"],
            )
        _add_examples(operation, examples.get(name, {}))
    document[PROBLEMS] = {code: asdict(meaning) for code, meaning in meanings(codes).items()}
    return document


def _names(app: Flask) -> dict[tuple[str, str], str]:
    """The view's name, by path as the document spells it and method."""
    found = {}
    for rule in app.url_map.iter_rules():
        path = "".join(
            f"{{{part}}}" if is_argument else part for is_argument, part in rule._trace if part != "|"
        )
        for method in rule.methods or ():
            found[path, method.lower()] = rule.endpoint.rpartition(".")[2]
    return found


def _add_refusals(operation: Json) -> None:
    """Sort what the decorators left (blueprint.py) to where it belongs."""
    for status, codes in operation.pop(CODES, {}).items():
        operation["responses"][status][CODES] = codes
    if operation.pop(POLLED, False):
        operation["responses"]["304"] = dict(NOT_MODIFIED)
    if "304" in operation["responses"]:
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)


def _add_headers(status: str, response: Json, *, counted: bool, tagged: bool) -> None:
    names = ["X-Request-Id", *_OF_STATUS.get(status, ())]
    if counted:
        names += ["RateLimit", "RateLimit-Policy"]
    if tagged and status in ("200", "206"):
        names.append("ETag")
    response.setdefault("headers", {}).update(
        {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    )


def _add_examples(operation: Json, examples: Json) -> None:
    """`examples`: `request` and `answers` by status, each a value."""
    if "request" in examples:
        operation["requestBody"]["content"]["application/json"]["example"] = examples["request"]
    for status, value in examples.get("answers", {}).items():
        media = operation["responses"][status]["content"]
        media[MEDIA_TYPE if MEDIA_TYPE in media else "application/json"]["example"] = value
