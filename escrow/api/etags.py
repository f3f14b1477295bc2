"""Answers that a caller need not be sent twice: an ETag each, and 304 for whoever has that one.

A tag is a SHA-256, of the payload's bytes or of the answer's own, so it changes exactly when they do; two
processes of the service give the same.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request

NOT_MODIFIED = {"description": "The caller has it: `If-None-Match` names its ETag"}


def tagged(tag: str, make: Callable[[], Response]) -> Response:
    """The answer with this tag, made only where the caller has not got it."""
    response = Response(status=304) if request.if_none_match.contains_weak(tag) else make()
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def polled(view: Callable[..., Any]) -> Callable[..., Any]:
    """For a view that clients ask again and again: above `response`, so that it sees the answer's bytes."""

    @wraps(view)
    def ask(*args: Any, **kwargs: Any) -> Response:
        response: Response = view(*args, **kwargs)
        return tagged(hashlib.sha256(response.get_data()).hexdigest(), lambda: response)

    return ask
