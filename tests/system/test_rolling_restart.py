"""Two services on one store behind a real proxy, restarted in turn while parties deposit and sign off.

The proxy is the least that one can be: it asks nobody for health, repeats nothing, and says 502 where a
service is gone. No error may reach whoever calls the SDK, and nothing that was acknowledged may be lost.
"""

import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.live import Live
from support.minio import free_port
from support.nginx import nginx
from support.running import START_S, Running, running

pytestmark = pytest.mark.timeout(400)
PROXY = """
    upstream service {{ server 127.0.0.1:{first} max_fails=0; server 127.0.0.1:{second} max_fails=0; }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 100m;
        proxy_http_version 1.1;
        proxy_next_upstream off;   # what may be repeated, the client knows: as infra/nginx.conf has it
        location / {{ proxy_pass http://service; }}
        location ~ /payload$ {{ proxy_request_buffering off; proxy_pass http://service; }}
    }}
"""
ROUNDS = 2
DOCUMENT = 12 * 1024 * 1024
"""Two parts: a restart also meets payloads under way."""


class Site:
    """Two services, each a place at the proxy that is filled again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = (free_port(), free_port())
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def service(self, at: int) -> Iterator[Running]:
        """As an operator runs it; only that nobody waits before it refuses connections (`drain_s` 0)."""
        place = self.folder / str(at)
        place.mkdir(exist_ok=True)
        bind = f"127.0.0.1:{self.ports[at]}"
        with running(
            place, store=self.folder / "store", public_url=self.url, bind=bind, workers=2, threads=4
        ) as found:
            yield found

    @contextmanager
    def proxy(self) -> Iterator[None]:
        lines = PROXY.format(first=self.ports[0], second=self.ports[1], port=self.port)
        with nginx(self.folder / "proxy", self.port, lines):
            yield


class Busy:
    """Parties who deposit and sign off, one record after the other, until they are stopped."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.done: list[str] = []
        self.failed: list[BaseException] = []
        self._stop, self._went_on = threading.Event(), threading.Condition()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                request = self.live.deposit(secrets.token_bytes(DOCUMENT))
                with self._went_on:
                    self.done.append(request)
                    self._went_on.notify_all()
        except BaseException as error:  # noqa: BLE001  # also a failed assertion: the test shows it
            with self._went_on:
                self.failed.append(error)
                self._went_on.notify_all()

    def await_more(self, count: int) -> None:
        with self._went_on:
            least = len(self.done) + count
            assert self._went_on.wait_for(lambda: len(self.done) >= least or self.failed, 60)

    def __enter__(self) -> "Busy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def restart(site: Site, at: int, service: Running, until: ExitStack) -> Running:
    """As `systemctl restart`: SIGTERM, its end, and a new one."""
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(START_S + 30) == 0
    return until.enter_context(site.service(at))


def test_restarted_in_turn_no_error_reaches_the_parties_and_nothing_is_lost(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with ExitStack() as until:
        services = [until.enter_context(site.service(at)) for at in range(2)]
        until.enter_context(site.proxy())
        live = Live(site.url, tmp_path / "homes")
        with Busy(live) as busy:
            for _ in range(ROUNDS):
                for at in range(2):
                    services[at] = restart(site, at, services[at], until)
                    if busy.failed:
                        break
                busy.await_more(1)
        assert busy.failed == []
        assert len(busy.done) >= ROUNDS
        report = live.claimant.audit(live.case, payloads=True)
        assert report.faults == ()
        released = {one.request for one in live.claimant.requests(live.case) if one.released_at is not None}
        assert set(busy.done) <= released
