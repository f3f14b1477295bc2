"""Look at the certificate that a server shows: whose it is, how long it is good, and who believes it.

Read without believing it first, so that one that is expired or unknown can be described and not only refused.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import requests
from cryptography import x509

from escrow.admin.finding import Finding, fault, ok, warning
from escrow.errors import SetupError

PATIENCE_S: Final = 5
SOON: Final = timedelta(days=14)
"""Whoever renews by a timer does so a month before; two weeks before it has failed for a while."""
_OTHER_NAME: Final = (62, 64)
_TIMES: Final = (9, 10)
"""Numbers of X509_V_ERR in OpenSSL: HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH; NOT_YET_VALID, HAS_EXPIRED."""


def place_of(url: str) -> tuple[str, int]:
    """Host and port of an http(s) URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def look_at_certificate(area: str, url: str, ca_file: str | None) -> Iterator[Finding]:
    """Findings on the certificate of an https URL; `ca_file` as given to the program, None: the usual ones.

    Says nothing where nobody answers there: whoever asks for the URL says that.
    """
    host, port = place_of(url)
    try:
        found = _shown(host, port)
    except OSError as error:
        if isinstance(error, ssl.SSLError):
            yield fault(area, SetupError("doctor_no_tls", url=url, reason=error.reason or "SSLError"))
        return
    now = datetime.now(UTC)
    end = found.not_valid_after_utc
    until = f"{end:%Y-%m-%d %H:%M} UTC"
    if end <= now:
        yield fault(area, SetupError("doctor_certificate_expired", url=url, until=until))
    elif found.not_valid_before_utc > now:
        since = f"{found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        yield fault(area, SetupError("doctor_certificate_not_yet", url=url, since=since))
    elif end - now < SOON:
        error_ = SetupError("doctor_certificate_ends", url=url, until=until, days=(end - now).days)
        yield warning(area, error_)
    refused = _refusal(host, port, ca_file)
    if refused is None:
        yield ok(
            area, f"the certificate of {url} is believed; good for {(end - now).days} days, until {until}"
        )
    elif refused.verify_code in _OTHER_NAME:
        names = ", ".join(_names(found)) or "none"
        yield fault(area, SetupError("doctor_certificate_of_another", url=url, host=host, names=names[:300]))
    elif refused.verify_code not in _TIMES:
        issuer = found.issuer.rfc4514_string()[:200]
        yield fault(area, SetupError("doctor_certificate_unknown", url=url, issuer=issuer))


def context(ca_file: str | None) -> ssl.SSLContext:
    """Believes who the client program believes."""
    return ssl.create_default_context(cafile=ca_file or requests.utils.DEFAULT_CA_BUNDLE_PATH)


def _shown(host: str, port: int) -> x509.Certificate:
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE  # only looked at; nothing is sent
    with (
        socket.create_connection((host, port), timeout=PATIENCE_S) as plain,
        anybody.wrap_socket(plain, server_hostname=host) as line,
    ):
        raw = line.getpeercert(binary_form=True)
    if raw is None:
        raise ssl.SSLError("no certificate")
    return x509.load_der_x509_certificate(raw)


def _refusal(host: str, port: int, ca_file: str | None) -> ssl.SSLCertVerificationError | None:
    try:
        with socket.create_connection((host, port), timeout=PATIENCE_S) as plain:
            context(ca_file).wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return error
    return None


def _names(found: x509.Certificate) -> list[str]:
    with suppress(x509.ExtensionNotFound):
        value = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        addresses = [str(one) for one in value.get_values_for_type(x509.IPAddress)]
        return [*value.get_values_for_type(x509.DNSName), *addresses]
    return []
