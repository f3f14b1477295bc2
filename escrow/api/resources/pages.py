"""What describes the API itself, for programs and for people: the OpenAPI document and the page made of it.

Both are made once, at start, and are the same for all; who can take them compressed gets them so.
"""

import gzip
import hashlib
import json
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, request

from escrow.api.document import Json
from escrow.api.etags import tagged
from escrow.web.docs import CONTENT_SECURITY_POLICY, docs_page, style

PAGES = "escrow-pages"
"""In an application's extensions: address, page."""

pages = Blueprint("pages", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    raw: bytes
    packed: bytes
    mimetype: str

    @classmethod
    def of(cls, raw: bytes, mimetype: str) -> "Page":
        return cls(raw=raw, packed=gzip.compress(raw, mtime=0), mimetype=mimetype)

    def answer(self) -> Response:
        packed = request.accept_encodings["gzip"] > 0
        body = self.packed if packed else self.raw
        response = tagged(hashlib.sha256(body).hexdigest(), lambda: Response(body, mimetype=self.mimetype))
        if packed and response.status_code == 200:
            response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def make_pages(document: Json) -> dict[str, Page]:
    """Of this document, each by its address."""
    return {
        "/v1/openapi.json": Page.of(json.dumps(document, ensure_ascii=False).encode(), "application/json"),
        "/v1/docs": Page.of(docs_page(document).encode(), "text/html"),
        "/v1/docs/style.css": Page.of(style(), "text/css"),
    }


@pages.route("/v1/openapi.json", methods=["GET"])
@pages.route("/v1/docs", methods=["GET"])
@pages.route("/v1/docs/style.css", methods=["GET"])
def show_page() -> Response:
    """None of these is in the document, which they are or show."""
    found: Page = current_app.extensions[PAGES][request.path]
    return found.answer()
