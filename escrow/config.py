"""Settings of a service: one frozen object, made here and nowhere else.

Every setting has one name. It is read from the environment as `ESCROW_` and the name in capitals, else from
the TOML file that `ESCROW_CONFIG` names, else it has the default written here with its reason. A setting
that is misspelt in the file, or a value that cannot be meant, is a SetupError that names it; nothing is
guessed.
"""

import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from escrow.errors import SetupError

MIB = 1024 * 1024
GIB = 1024 * MIB

MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 64 * MIB
MAX_PARTS = 10_000
"""What escrow/store/interface.py has: settings are read below every room, so they import none."""

_BUCKETS = re.compile(r"[a-z0-9][a-z0-9-]{1,50}[a-z0-9]")
_URL = re.compile(r"https?://[0-9A-Za-z.:\[\]-]{1,255}(/[!\"$->@-~]{1,400})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Three buckets of an S3 server: in the file and the environment, names that begin with `s3_`."""

    endpoint: str
    """Where the service reaches the server, as http(s)://HOST:PORT. Plain http only where no one listens."""
    buckets: str = "escrow"
    """The buckets' names begin with this: `escrow-ledger`, `escrow-records`, `escrow-public`. 3 to 52 of a-z,
    0-9 and -.
    """
    region: str = "us-east-1"
    """The server's region. Those that have none, as MinIO by default, answer to this one."""
    credentials: Path | None = None
    """A file of mode 0600: JSON with `access_key` and `secret_key`, and nothing else.

    None: where boto3 looks by itself (AWS_ACCESS_KEY_ID and so on, or the machine's role).
    """
    ca_file: Path | None = None
    """Certificates (PEM) to believe the server by; None: those that every Python program believes."""
    public_endpoint: str | None = None
    """Where parties reach the same server, to send parts of payloads to it themselves.

    None: everything goes through the service.
    """
    lock: str = "governance"
    """Object Lock mode of payloads: `governance` or `compliance`. With the latter not even the server's
    administrator can delete them before their time, and no mistake can be undone.
    """
    patience_s: float = 10.0
    """How long a service waits for an answer to anything short before it says 503 and, until the server has
    answered again, refuses at once. Parts of payloads and their completion have a minute. From 0.1 to 60.
    """

    def bucket(self, which: str) -> str:
        """The name of one of the three on the server."""
        return f"{self.buckets}-{which}"

    def __post_init__(self) -> None:
        for name in ("endpoint", "public_endpoint"):
            url = getattr(self, name)
            if url is not None and not _is_url(url):
                raise _malformed(f"s3_{name}", "an http(s) URL without slash at the end, ? and #")
        if not _BUCKETS.fullmatch(self.buckets):
            raise _malformed("s3_buckets", "3 to 52 of a-z, 0-9 and -")
        if self.lock not in ("governance", "compliance"):
            raise _malformed("s3_lock", '"governance" or "compliance"')
        if not 0.1 <= self.patience_s <= 60:
            raise _malformed("s3_patience_s", "from 0.1 to 60")


Storage = Path | S3Settings
"""Where everything is kept: a folder, or three buckets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """See each field. Sizes are in bytes, times in seconds."""

    public_url: str
    """Where the world reaches this service.

    Charters pin it and tokens are made for it, so it is never guessed.
    """
    store: Storage
    """Where everything is kept. In the file and the environment: `store`, a folder, or `s3_endpoint` and the
    other names that begin with `s3_`; not both.
    """
    service_identity: Path
    """The service's own secret key file (mode 0600). It signs receipts and opens nothing."""
    convenors: tuple[str, ...] | None = None
    """Cards that may open cases: a list, in the environment with blanks between. None, or `open`: anybody may
    open some.
    """

    bind: str = "127.0.0.1:8321"
    """Address and port that gunicorn listens on; a TLS proxy stands in front of anything but loopback."""
    metrics_bind: str | None = None
    """Address and port at which `/metrics` is served to Prometheus, in plain http; None: nowhere.

    Loopback or a private network's, and never `bind`: numbers say how busy a mediator is, and when.
    """
    workers: int = 2
    """Processes that serve. One for each core keeps all of them busy; each has its own memory of cases."""
    threads: int = 8
    """Requests that each worker serves at once. One is kept for short ones, so that long transfers never take
    all.
    """

    statement_bytes: int = 6 * MIB
    """The largest statement. A deposit with 8 paths of 64 seats fits; nothing sensible is larger."""
    upload_bytes: int = 10 * GIB
    """The largest payload; a larger document is refused when it is announced."""
    drop_off_bytes: int = 0
    """The largest plain file that this service seals by a seat's order, where the charter allows it.

    0: it takes none, and so never sees a plain file. Each one under way takes a process of about 60 MiB.
    """
    open_uploads_per_card: int = 32
    """Uploads announced in one case and not deposited yet. A client goes on with those it has, so this is
    never met by chance; what was given up counts until it is swept.
    """
    staged_bytes_per_card: int = 40 * GIB
    """Announced bytes of those uploads: four of the largest. For each card and not for the case, where one
    seat could use up what the others need.
    """
    part_bytes: int = 8 * MIB
    """The part size this service suggests: a lost connection costs at most this much again.

    Also the largest that it takes, if it is more than 8 MiB; what would have more than 10,000 parts may have
    larger ones. A worker over S3 holds two in memory for each body under way.
    """
    entries_per_case: int = 100_000
    """Entries that a case may have, shared out among its cards: of four, each has 20,000."""
    records_per_case: int = 10_000
    """Records that a case may have, shared out likewise."""
    cached_cases: int = 1000
    """Replayed cases that one worker keeps in memory."""
    cached_bytes: int = 256 * MIB
    """What they may take there, roughly: a long case counts for more than a short one. One always stays."""

    requests_per_s_per_card: float = 50.0
    """In each worker; ten seconds' worth may come at once. 0: no limit. One worker answers some hundreds of
    small requests a second: a program in a loop leaves most of them to the others, and one that looks after
    1,000 cases is not held up.
    """
    posts_per_s_per_case: float = 20.0
    """Likewise, for statements posted without a token, which are counted for their case. 64 seats that all
    accept a charter at once are not held up.
    """

    hooks_per_card: int = 0
    """Webhooks that one card may have. 0: none are offered. Who offers some (5 are plenty: test,
    production and what replaces it) also runs `escrow webhooks`, which delivers; nothing else does.
    """
    webhook_networks: tuple[str, ...] = ()
    """Networks in which receivers of webhooks may stand although nobody outside reaches them, at any port:
    `["10.1.0.0/16"]`, in the environment with blanks between. All other addresses must be public, at port
    443.
    """
    webhook_ca_file: Path | None = None
    """Certificates (PEM) to believe receivers of webhooks by, beside those that every Python program
    believes.
    """

    slow_storage_s: float = 1.0
    """From here on a call to the S3 server is worth a line in the log. MinIO answers a small one in 3 ms; of
    large parts and completions a few lines are worth having.
    """
    clock_behind_s: float = 600.0
    """How far a case's last entry may be ahead of the clock before nothing more enters: one clock is wrong.

    Where an entry was made by a clock that ran ahead, raise it for as long as the case must go on.
    """
    socket_timeout_s: float = 30.0
    """A peer that sends or takes nothing for this long is cut off: it would hold a thread for ever."""
    body_deadline_s: float = 900.0
    """For each 64 MiB of a body: one byte every 29 seconds holds a thread just as well as none.

    Whoever sends 75 KB/s keeps it.
    """
    drain_s: float = 5.0
    """After SIGTERM, how long readiness says no before connections are refused.

    A balancer must notice first.
    """
    grace_s: float = 30.0
    """How long requests under way may take to finish after that."""

    def __post_init__(self) -> None:
        if not _is_url(self.public_url):
            raise _malformed("public_url", "an http(s) URL without slash at the end, ? and #")
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:  # not a number, which TOML can say, is in no bounds
                raise _malformed(name, f"from {least} to {most}")
        _, port = _address("bind", self.bind)
        if self.metrics_bind is not None:
            host, own = _address("metrics_bind", self.metrics_bind)
            if not _is_inside(host):
                raise _malformed("metrics_bind", "a loopback or private address and a port")
            if own == port != 0:
                raise _malformed("metrics_bind", "on another port than bind")


def _address(name: str, value: str) -> tuple[str, int]:
    """Host and port. 0: the system chooses one, and the log says which."""
    host, colon, port = value.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536):
        raise _malformed(name, "ADDRESS:PORT")
    return host, int(port)


def _is_inside(host: str) -> bool:
    """Whether nobody from outside can mean this address. A name may turn out to be any."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return not (address.is_global or address.is_unspecified or address.is_multicast)


_MOST = 10**12
_DAY = 24 * 3600
_BOUNDS: dict[str, tuple[float, float]] = {
    "workers": (1, 256),
    "threads": (2, 256),  # one is for long transfers
    "statement_bytes": (1, 6 * MIB),  # the API and the ledger take no longer one
    "upload_bytes": (1, MAX_PARTS * MAX_PART_BYTES),
    "drop_off_bytes": (0, MAX_PARTS * MAX_PART_BYTES),
    "open_uploads_per_card": (1, _MOST),
    "staged_bytes_per_card": (1, _MOST * MIB),
    "part_bytes": (MIN_PART_BYTES, MAX_PART_BYTES),
    "entries_per_case": (50, _MOST),  # shared out among few cards, fewer do not bring one record to release
    "records_per_case": (1, _MOST),
    "cached_cases": (1, _MOST),
    "requests_per_s_per_card": (0, _MOST),
    "posts_per_s_per_case": (0, _MOST),
    "cached_bytes": (1, _MOST * MIB),
    "hooks_per_card": (0, 100),
    "slow_storage_s": (0.001, _DAY),
    "clock_behind_s": (0.001, 365 * _DAY),
    "socket_timeout_s": (0.1, _DAY),
    "body_deadline_s": (0.1, _DAY),
    "drain_s": (0, _DAY),
    "grace_s": (1, _DAY),
}
"""What can be meant. Beyond it a service would start and then refuse everybody, or never stop."""


def bounds(name: str) -> tuple[float, float] | None:
    """Least and most of a setting that is a number."""
    return _BOUNDS.get(name)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read all settings. SetupError.

    `setting_missing`, `setting_malformed`, `setting_unknown`, `setting_conflict`, `config_unreadable`.
    """
    values = _read(environ)
    store = _storage(values)
    for field in fields(Settings):
        if field.default is MISSING and field.name not in {*values, "store"}:
            raise _missing(field.name)
    return Settings(store=store, **values)  # type: ignore[arg-type]


def load_storage(environ: Mapping[str, str]) -> Storage:
    """Only where everything is kept, from the same file and environment: for scripts that run no service.

    SetupError as `load_settings`.
    """
    return _storage(_read(environ))


def _read(environ: Mapping[str, str]) -> dict[str, object]:
    """Whatever is set, each value read as what it must be."""
    raw: dict[str, object] = {}
    file = environ.get("ESCROW_CONFIG")
    if file:
        raw.update(_read_file(Path(file)))
    for name in _READERS:
        from_environment = environ.get(f"ESCROW_{name.upper()}")
        if from_environment is not None:
            raw[name] = from_environment
    return {name: _READERS[name](name, value) for name, value in raw.items()}


def _storage(values: dict[str, object]) -> Storage:
    """Take what says where everything is kept out of the values."""
    folder = values.pop("store", None)
    s3 = {name[3:]: values.pop(name) for name in tuple(values) if name.startswith("s3_")}
    if folder is not None:
        if s3:
            raise SetupError("setting_conflict", first="store", second=f"s3_{min(s3)}")
        return cast(Path, folder)
    if not s3:
        raise _missing("store")
    if "endpoint" not in s3:
        raise _missing("s3_endpoint")
    return S3Settings(**s3)  # type: ignore[arg-type]


def _missing(name: str) -> SetupError:
    return SetupError("setting_missing", setting=name, variable=f"ESCROW_{name.upper()}")


def _read_file(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as source:
            found = tomllib.load(source)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SetupError("config_unreadable", path=str(path), reason=str(reason)[:200]) from error
    for name in found:
        if name not in _READERS:
            raise SetupError("setting_unknown", setting=name[:100], path=str(path))
    return found


def _is_url(text: str) -> bool:
    """One that libraries can read, too: they fall over an open bracket, and over a port beyond all."""
    try:
        found = urlsplit(text)
        named = bool(found.hostname) and found.port != 0
    except ValueError:
        return False
    return named and _URL.fullmatch(text) is not None and not text.endswith("/")


def _malformed(name: str, expected: str) -> SetupError:
    return SetupError("setting_malformed", setting=name, expected=expected)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _malformed(name, "text")
    return value


def _path(name: str, value: object) -> Path:
    return Path(_text(name, value)).expanduser()


def _integer(name: str, value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    if type(value) is not int:
        raise _malformed(name, "a whole number")
    return value


def _seconds(name: str, value: object) -> float:
    return _decimal(name, value, "seconds")


def _number(name: str, value: object) -> float:
    return _decimal(name, value, "a number")


def _decimal(name: str, value: object, expected: str) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
        return float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > _MOST:
        raise _malformed(name, expected)
    return float(value)


def _convenors(name: str, value: object) -> tuple[str, ...] | None:
    """`open`, or a list of cards (in the environment: with blanks between)."""
    if value == "open":
        return None
    cards = value.split() if isinstance(value, str) else value
    if not isinstance(cards, list) or not cards or not all(isinstance(card, str) for card in cards):
        raise _malformed(name, '"open", or a list of cards')
    return tuple(cards)


def _networks(name: str, value: object) -> tuple[str, ...]:
    """A list of networks (in the environment: with blanks between); host bits are refused, not cut off."""
    given = value.split() if isinstance(value, str) else value
    try:
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise ValueError("no list")
        return tuple(str(ipaddress.ip_network(one)) for one in given)
    except ValueError:
        raise _malformed(name, 'a list of networks such as "10.1.0.0/16"') from None


_READERS: dict[str, Callable[[str, object], object]] = {
    "public_url": _text,
    "store": _path,
    "service_identity": _path,
    "convenors": _convenors,
    "bind": _text,
    "metrics_bind": _text,
    "workers": _integer,
    "threads": _integer,
    "statement_bytes": _integer,
    "upload_bytes": _integer,
    "drop_off_bytes": _integer,
    "open_uploads_per_card": _integer,
    "staged_bytes_per_card": _integer,
    "part_bytes": _integer,
    "entries_per_case": _integer,
    "records_per_case": _integer,
    "cached_cases": _integer,
    "requests_per_s_per_card": _number,
    "posts_per_s_per_case": _number,
    "cached_bytes": _integer,
    "hooks_per_card": _integer,
    "webhook_networks": _networks,
    "webhook_ca_file": _path,
    "slow_storage_s": _seconds,
    "clock_behind_s": _seconds,
    "socket_timeout_s": _seconds,
    "body_deadline_s": _seconds,
    "drain_s": _seconds,
    "grace_s": _seconds,
    "s3_endpoint": _text,
    "s3_buckets": _text,
    "s3_region": _text,
    "s3_credentials": _path,
    "s3_ca_file": _path,
    "s3_public_endpoint": _text,
    "s3_lock": _text,
    "s3_patience_s": _seconds,
}
