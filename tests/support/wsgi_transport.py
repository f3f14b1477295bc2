"""Requests' transport into a Flask application in the same process: the HTTP courier without a network."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from flask import Flask
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse


class WsgiTransport(HTTPAdapter):
    """Mount it in place of the network. `spoil` may stand in for the answer, or raise, before the app."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._client = app.test_client(use_cookies=False)
        self.asked: list[str] = []
        self.spoil: Callable[[requests.PreparedRequest], None] | None = None

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *_: Any, **__: Any
    ) -> requests.Response:
        parts = urlsplit(request.url or "")
        self.asked.append(f"{request.method} {parts.path}")
        if self.spoil is not None:
            self.spoil(request)
        said = self._client.open(
            str(parts.path) + (f"?{parts.query}" if parts.query else ""),
            method=request.method,
            data=_whole(request.body),
            headers=dict(request.headers),
            base_url=f"{parts.scheme}://{parts.netloc}",
        )
        return answer_of(self, request, said.status_code, dict(said.headers), said.get_data())


def _whole(body: object) -> bytes | str | None:
    """A body that comes in pieces, as the wire would bring it."""
    return body if body is None or isinstance(body, bytes | str) else b"".join(cast(Iterable[bytes], body))


def answer_of(
    adapter: HTTPAdapter,
    request: requests.PreparedRequest,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> requests.Response:
    """What requests makes of an answer that came over the wire."""
    raw = HTTPResponse(
        body=io.BytesIO(body),
        headers=dict(headers),
        status=status,
        preload_content=False,
        decode_content=False,
    )
    return adapter.build_response(request, raw)
