"""The courier over HTTP. (Bodies follow.)"""

from collections.abc import Callable
from datetime import datetime

from requests.adapters import BaseAdapter

from escrow.client.clock import now_utc
from escrow.crypto.identity import Identity


class HttpCourier:
    """`HttpCourier(url, identity=None)`: one keep-alive connection to one service.

    Plain http is refused except on loopback (SetupError `plain_http_refused`). `identity` signs reading tokens; without
    it only what is public can be read. `transport` replaces the network in tests.
    """

    def __init__(
        self,
        url: str,
        identity: Identity | None = None,
        *,
        clock: Callable[[], datetime] = now_utc,
        transport: BaseAdapter | None = None,
    ) -> None:
        raise NotImplementedError
