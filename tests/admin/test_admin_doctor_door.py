"""`escrow doctor` at the door: certificates, names, proxies and other programs, each wrong for real."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from support.certificates import DAY, write_certificates
from support.doctored import Found, doctored
from support.minio import free_port
from support.nginx import nginx
from support.parties import party
from support.running import Running, running

PROXY = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {tls}/certificate.pem;
    ssl_certificate_key {tls}/key.pem;
    {lines}
}}
"""


@contextmanager
def listening(tls: Path | None, answer: bytes = b"") -> Iterator[int]:
    """Somebody who shakes hands by this certificate (None: speaks in plain), answers hangs up; the port."""
    trust = None
    if tls is not None:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(tls / "certificate.pem", tls / "key.pem")

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                try:
                    line = peer if trust is None else trust.wrap_socket(peer, server_side=True)
                    with line:
                        if line.recv(65536):
                            line.sendall(answer)
                except OSError:
                    continue

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def over_tls(folder: Path, *, believed: bool = True, **certificate: object) -> Found:
    """What is found where such a certificate is shown."""
    authority = write_certificates(folder / "tls", **certificate)  # type: ignore[arg-type]
    with listening(folder / "tls") as port:
        more = {"REQUESTS_CA_BUNDLE": authority} if believed else {}
        return doctored(folder, more, public_url=f"https://localhost:{port}")


def test_expired_certificate_is_a_fault(tmp_path: Path) -> None:
    found = over_tls(tmp_path, since=-9 * DAY, until=-2 * DAY)
    assert found.faults == ["doctor_certificate_expired"]
    assert "nobody comes in" in found.words("doctor_certificate_expired")


def test_certificate_that_is_expired_and_unknown_is_told_as_both(tmp_path: Path) -> None:
    found = over_tls(tmp_path, believed=False, since=-9 * DAY, until=-2 * DAY)
    assert found.faults == ["doctor_certificate_expired", "doctor_certificate_unknown"]


def test_certificate_that_is_not_good_yet_is_a_fault(tmp_path: Path) -> None:
    assert over_tls(tmp_path, since=DAY, until=9 * DAY).faults == ["doctor_certificate_not_yet"]


def test_certificate_for_another_name_is_a_fault(tmp_path: Path) -> None:
    found = over_tls(tmp_path, host="other.example", until=99 * DAY)
    assert found.faults == ["doctor_certificate_of_another"]
    assert "not for localhost; its names are: other.example" in found.words("doctor_certificate_of_another")


def test_certificate_of_an_unknown_authority_is_a_fault(tmp_path: Path) -> None:
    found = over_tls(tmp_path, believed=False, until=99 * DAY)
    assert found.faults == ["doctor_certificate_unknown"]
    assert "test authority" in found.words("doctor_certificate_unknown")


def test_certificate_that_ends_soon_is_a_warning_with_the_days_left(tmp_path: Path) -> None:
    found = over_tls(tmp_path, until=5 * DAY + timedelta(hours=1))
    assert "doctor_certificate_ends" in found.warnings
    assert "5 more days" in found.words("doctor_certificate_ends")


def test_port_that_speaks_no_tls_is_a_fault(tmp_path: Path) -> None:
    with listening(None, b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        found = doctored(tmp_path, public_url=f"https://localhost:{port}")
    assert found.faults == ["doctor_no_tls"]


def test_name_without_an_address_is_a_fault(tmp_path: Path) -> None:
    found = doctored(tmp_path, public_url="https://nothing.invalid")
    assert found.faults == ["doctor_name_unknown"]


def test_plain_http_to_the_world_is_a_fault(tmp_path: Path) -> None:
    assert doctored(tmp_path, public_url="http://escrow.example").faults == ["plain_http_refused"]


def test_other_program_at_the_public_url_is_a_fault(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nHello"
    with listening(None, answer) as port:
        found = doctored(tmp_path, public_url=f"http://127.0.0.1:{port}", bind=f"127.0.0.1:{port}")
    assert found.faults == ["doctor_other_program", "doctor_url_of_another_program"]


def test_other_service_at_the_public_url_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other") as other:
        (tmp_path / "service.key").touch(mode=0o600)
        (tmp_path / "service.key").write_text(party("another").dump())
        found = doctored(tmp_path, public_url=other.address)
    assert found.faults == ["doctor_other_service"]


def test_service_that_calls_itself_otherwise_is_a_fault(tmp_path: Path) -> None:
    with running(tmp_path, public_url="https://escrow.example") as service:
        found = doctored(tmp_path, public_url=service.address, bind=f"127.0.0.1:{service.port}")
    assert found.faults == ["doctor_other_url"]
    assert "https://escrow.example" in found.words("doctor_other_url")


@pytest.mark.usefixtures("roomy")
class TestProxy:
    @contextmanager
    def proxied(self, folder: Path, lines: str) -> Iterator[Found]:
        """Found behind an nginx that passes on to the service with these lines."""
        port = free_port()
        url = f"https://localhost:{port}"
        authority = write_certificates(folder / "tls", until=99 * DAY)
        (folder / "site").mkdir()
        with running(folder / "site", public_url=url, metrics_bind="127.0.0.1:0") as service:
            text = lines.replace("SERVICE", service.address).replace("METRICS", self._metrics(service))
            conf = PROXY.format(port=port, tls=folder / "tls", lines=text)
            own = {"public_url": url, "bind": f"127.0.0.1:{service.port}"}
            with nginx(folder / "proxy", port, conf), pytest.MonkeyPatch.context() as patch:
                patch.setenv("REQUESTS_CA_BUNDLE", str(authority))
                yield doctored(folder / "site", {"REQUESTS_CA_BUNDLE": authority}, **own)

    def _metrics(self, service: Running) -> str:
        return f"http://{service.lines('start')[0]['metrics']}"

    def test_proxy_that_takes_too_little_loses_tokens_and_shows_everything_is_told_each_fault(
        self, tmp_path: Path
    ) -> None:
        lines = """
            location /metrics { proxy_pass METRICS; }
            location / { proxy_set_header Authorization ""; proxy_pass SERVICE; }
        """
        with self.proxied(tmp_path, lines) as found:
            assert found.faults == [
                "doctor_token_lost", "doctor_metrics_public", *["doctor_proxy_limit"] * 3,
            ]  # fmt: skip
            assert found.warnings == ["doctor_readyz_public", "doctor_hsts_missing"]

    def test_proxy_with_the_settings_of_infra_has_nothing_to_mend(self, tmp_path: Path) -> None:
        lines = """
            client_max_body_size 10g;
            add_header Strict-Transport-Security "max-age=31536000" always;
            location = /readyz { return 404; }
            location / { proxy_pass SERVICE; }
        """
        with self.proxied(tmp_path, lines) as found:
            assert found.faults == []
            assert found.warnings == []
            assert "it passes tokens" in found.good("proxy")
            assert "good for 98 days" in found.good("tls")
