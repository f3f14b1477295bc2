"""The line to storage: parts of a payload, each to an address that the service named.

Such an address is the word of a service that nobody believes. So no token, cookie or .netrc goes there, no
redirect is followed, and nothing of an answer is used but its status. Which addresses are spoken to at all,
address.py says.
"""

from collections.abc import Callable, Iterator
from typing import Final

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import HTTPError

from escrow.client.address import require_elsewhere
from escrow.client.line import CHUNK, CONNECT_S, READ_S, LineAdapter
from escrow.errors import EscrowError, UnavailableError

HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "escrow"}
PASSING: Final = (429, 500, 502, 503, 504)
"""What time may mend."""


class Pieces:
    """A body of known length that comes in pieces, from the start for every try."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], length: int) -> None:
        self._pieces = pieces
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces()

    def __len__(self) -> int:
        return self._length


def cut(data: bytes) -> Iterator[bytes]:
    """In pieces that a slow line takes within a socket's timeout."""
    view = memoryview(data)
    for start in range(0, len(data), CHUNK):
        yield view[start : start + CHUNK]  # type: ignore[misc]  # whatever a socket sends


class StorageLine:
    """Shared by threads. `service`: the URL of who names the addresses; `transport` replaces the network."""

    def __init__(self, service: str, transport: BaseAdapter | None) -> None:
        self._http = requests.Session()
        self._http.auth = _nobody  # set, so that no .netrc speaks for us
        self._http.headers.clear()
        self._http.headers.update(HEADERS)
        network = transport or LineAdapter(lambda peer: require_elsewhere(peer, service))
        for scheme in ("https://", "http://"):
            self._http.mount(scheme, network)

    def close(self) -> None:
        self._http.close()

    def put(self, url: str, data: bytes) -> None:
        """UnavailableError `address_refused` (status): it is over, or none; `storage_unreachable`.

        MalformedError `address_unsafe`: its name leads to this machine.
        """
        body = Pieces(lambda: cut(data), len(data))
        try:
            with self._http.put(
                url, data=body, timeout=(CONNECT_S, READ_S), allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
                if answer.headers.get("Content-Length") == "0":
                    # so that the connection can be used again; one byte, since chunks may follow all the same
                    answer.raw.read(1, decode_content=False)
        except (requests.RequestException, HTTPError, EscrowError, OSError) as error:
            if isinstance(error, EscrowError) and error.code == "address_unsafe":
                raise
            raise UnavailableError("storage_unreachable") from error
        finally:
            self._http.cookies.clear()
        if status in PASSING:
            raise UnavailableError("storage_unreachable", status=status)
        if status != 200:
            raise UnavailableError("address_refused", status=status)


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
