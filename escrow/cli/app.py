"""What a verb may ask of its surroundings: the identity file, the client's home, the service's URL, the
clock.

Every option stands on `escrow` itself and, hidden, on every verb, so that `escrow --json inbox` and
`escrow inbox --json` are the same. Secrets come from files or from the terminal, never from arguments or
the environment.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeVar

import click

from escrow.errors import EscrowError, SetupError

if TYPE_CHECKING:  # imported where used: the table of verbs must not load the whole client
    from escrow.client import Courier, Identity, Memory, Session

_EPILOG = "Also takes --identity, --home, --service and --json: see escrow --help."

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_HOME = "~/.escrow"
IDENTITY_NAME = "identity"
MAX_IDENTITY_FILE = 1024
ABOUT_THE_ADDRESS = frozenset(
    (
        "service_unreachable",
        "service_certificate_refused",
        "service_speaks_no_tls",
        "answer_malformed",
        "answer_too_large",
    )
)
"""Codes on which a person is to check the address, which they have often not typed themselves."""


def _http_courier(url: str, identity: "Identity | None") -> "Courier":
    from escrow.client import HttpCourier

    return HttpCourier(url, identity)


@dataclass(slots=True)
class App:
    """One run's surroundings. Tests replace `courier`, `clock` and `someone_is_there`."""

    home: Path = field(default_factory=lambda: Path(DEFAULT_HOME).expanduser())
    identity_file: Path | None = None
    service: str | None = None
    as_json: bool = False
    courier: "Callable[[str, Identity | None], Courier]" = _http_courier
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    someone_is_there: Callable[[], bool] = lambda: sys.stdin.isatty()
    _identity: "Identity | None" = None
    _asked: str = ""

    @property
    def identity_path(self) -> Path:
        """Where the identity is, or is to be made."""
        return self.identity_file or self.home / IDENTITY_NAME

    def identity(self) -> "Identity":
        """SetupError `identity_missing`, and what reading a key file refuses. Asks for a passphrase where
        one is needed.
        """
        if self._identity is None:
            self._identity = self._load_identity()
        return self._identity

    def _load_identity(self) -> "Identity":
        from escrow.cli.files import read_file
        from escrow.cli.foreign import printable
        from escrow.client import Identity

        path = self.identity_path
        if not path.exists():
            raise SetupError("identity_missing", path=str(path))
        if path.is_dir():
            raise SetupError("identity_is_folder", path=str(path))
        _require_private(path)
        text = read_file(path, limit=MAX_IDENTITY_FILE, what="identity").decode("ascii", "replace")
        try:
            return Identity.load(text)
        except SetupError as error:
            if error.code != "passphrase_needed" or not self.someone_is_there():
                raise
        return Identity.load(
            text, click.prompt(printable(f"Passphrase of {path}"), hide_input=True, err=True)
        )

    def maybe_identity(self) -> "Identity | None":
        """The identity if there is one: what anybody may do needs none. A file that was named must be
        there.
        """
        if self.identity_file is None and not self.identity_path.exists():
            return None
        return self.identity()

    def memory(self) -> "Memory":
        from escrow.client import Memory

        return Memory(self.home)

    def line(self, url: str, identity: "Identity | None") -> "Courier":
        """To the service at this URL; it is the one that `name_service` names."""
        self._asked = url
        return self.courier(url, identity)

    def name_service(self, error: Exception) -> None:
        """Say of what is about a service's address which it is: that of the service asked last."""
        if isinstance(error, EscrowError) and error.code in ABOUT_THE_ADDRESS:
            error.where = error.where or self._asked

    def session(self, url: str) -> "Session":
        """A session of this party with the service at this URL."""
        from escrow.client import Session

        identity = self.identity()
        return Session(identity, self.line(url, identity), self.memory(), clock=self.clock)

    def carrier(self, url: str) -> "Session":
        """As `session`, for what anybody may do: without an identity, one is made up for this run."""
        from escrow.client import Identity, Session

        identity = self.maybe_identity()
        courier = self.line(url, identity)
        return Session(identity or Identity.generate(), courier, self.memory(), clock=self.clock)

    def require_service(self) -> str:
        """SetupError `service_missing` when nobody said which service."""
        if self.service is None:
            raise SetupError("service_missing")
        return self.service.rstrip("/")

    def service_of(self, case: str) -> str:
        """The service that was named, or else the one that keeps this case as far as this home remembers."""
        if self.service is None:
            remembered = self.memory().service_of(case)
            if remembered is not None:
                return remembered.url
        return self.require_service()

    def services(self) -> tuple[str, ...]:
        """The service that was named, or else all that this home has spoken to and pinned."""
        if self.service is not None:
            return (self.require_service(),)
        return tuple(one.url for one in self.memory().services()) or (self.require_service(),)


def _require_private(path: Path) -> None:
    """A key file that others can read is no secret any more; ssh refuses it too."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SetupError("identity_exposed", path=str(path), typed=quote(str(path)), mode=f"{mode:04o}")


def _store(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> Any:
        if value is not None and value is not False:
            setattr(ctx.ensure_object(App), name, value)
        return value

    return keep


class _ServiceUrl(click.ParamType[str]):
    """Refuses what is no http(s) URL at all; the client is stricter."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.match(r"https?://[^/]", value):
            self.fail(
                f"{value} is no address of a service; one looks like https://escrow.example.org, or "
                "http://127.0.0.1:8321 for one on this machine.",
                param,
                ctx,
            )
        return str(value)


def _shared(*, hidden: bool) -> list[click.Option]:
    """The environment is read once, by the root: a verb's own copy must not overrule `escrow --identity X
    verb`.
    """
    file = click.Path(path_type=Path, dir_okay=False)
    folder = click.Path(path_type=Path, file_okay=False)

    def option(*names: str, to: str, env: str | None = None, **more: Any) -> click.Option:
        more |= {"hidden": hidden, "expose_value": False, "callback": _store(to)}
        return click.Option(
            names, envvar=None if hidden else env, show_envvar=not hidden and bool(env), **more
        )

    return [
        option("--identity", to="identity_file", env="ESCROW_IDENTITY", type=file, metavar="FILE",
               help="Your key file.  [default: identity in --home]"),
        option("--home", to="home", env="ESCROW_HOME", type=folder, metavar="DIR",
               help=f"What the client remembers.  [default: {DEFAULT_HOME}]"),
        option("--service", to="service", env="ESCROW_SERVICE", metavar="URL", type=_ServiceUrl(),
               help="The service; not needed for a case that was joined."),
        option("--json", to="as_json", is_flag=True, default=False, help="Answer in JSON, with stable keys."),
    ]  # fmt: skip


def shared_options(function: F) -> F:
    """Put the options that all verbs share on the root."""
    params = getattr(function, "__click_params__", [])
    function.__click_params__ = [*params, *reversed(_shared(hidden=False))]  # type: ignore[attr-defined]
    return function


class Verb(click.Command):
    """A verb: takes the shared options too, without listing them again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"epilog": _EPILOG, **kwargs})
        self.params += _shared(hidden=True)


class Family(click.Group):
    """A group of verbs, such as `case`."""

    command_class = Verb

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _shared(hidden=True)


pass_app = click.make_pass_decorator(App, ensure=True)
