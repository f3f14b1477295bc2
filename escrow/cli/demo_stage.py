"""The stage of the demo: a temporary folder with one folder a person, the real service, and the real
command line.

Every command runs as a process of its own, is shown as its person would type it, and must end as the
story says; otherwise the demo stops and says what differed.
"""

import base64
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

START_S = 30.0
COMMAND_S = 120.0
STOP_S = 20.0
COMMAND = (sys.executable, "-m", "escrow.cli")
_BASE64 = re.compile(rb"[A-Za-z0-9_-]{16,}")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SYSTEMROOT", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command printed."""

    out: str
    err: str
    status: int


class Stage:
    """Where the story is played. `quiet`: only the titles of its steps are printed."""

    def __init__(self, root: Path, *, quiet: bool) -> None:
        self.root = root
        self.quiet = quiet
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._service: subprocess.Popen[bytes] | None = None
        self._step = 0

    # Telling

    def step(self, title: str) -> None:
        self._step += 1
        click.echo(click.style(f"{'' if self.quiet else chr(10)}{self._step}. {title}", bold=True))

    def tell(self, *lines: str) -> None:
        if not self.quiet:
            for line in lines:
                click.echo(f"   {line}")

    def expect(self, holds: bool, what: str) -> None:
        """Stop the demo unless this holds."""
        if not holds:
            raise click.ClickException(f"The demo went wrong at step {self._step}: {what}")

    # People

    def folder(self, person: str) -> Path:
        found = self.root / person
        found.mkdir(exist_ok=True)
        return found

    def write(self, person: str, name: str, text: str) -> Path:
        path = self.folder(person) / name
        path.write_text(text, encoding="utf-8")
        return path

    def hand(self, name: str, giver: str, taker: str, *, how: str = "") -> None:
        """A file goes from one person to another, outside the service."""
        shutil.copy(self.folder(giver) / name, self.folder(taker) / name)
        self.tell(f"-- {giver} hands {name} to {taker}{how}", "")

    def run(self, person: str, *args: str, status: int = 0, last: int | None = None) -> Said:
        """Type `escrow ...` as this person. It must end with this exit code.

        `last`: show no more than these last lines, where the rest was seen before.
        """
        self.tell(click.style(f"{person}$ {shlex.join(('escrow', *args))}", fg="cyan"))
        ran = subprocess.run(  # noqa: S603  # our own program, with arguments of our own
            [*COMMAND, *args], cwd=self.folder(person), env=self._environment(person),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_S, check=False,
        )  # fmt: skip
        said = Said(out=ran.stdout.decode().strip(), err=ran.stderr.decode().strip(), status=ran.returncode)
        lines = f"{said.err}\n{said.out}".strip().splitlines()
        cut = len(lines) - last if last is not None else 0
        self.tell(*(["..."] if cut > 0 else []), *lines[max(cut, 0) :], "")
        shown = (
            f"`escrow {args[0]}` by {person} ended with {said.status} instead of {status}: {said.err[-300:]}"
        )
        self.expect(said.status == status, shown)
        return said

    def _environment(self, person: str) -> dict[str, str]:
        """Nothing of the surrounding user's own escrow reaches the demo."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return kept | {"ESCROW_HOME": str(self.folder(person) / ".escrow"), "HOME": str(self.folder(person))}

    # The operator

    def start_service(self, person: str, folder: str) -> None:
        self.tell(click.style(f"{person}$ escrow serve {folder} &", fg="cyan"), "")
        environ = self._environment(person) | {"ESCROW_DRAIN_S": "0"}
        with (self.folder(person) / "service.log").open("wb") as log:
            self._service = subprocess.Popen(  # noqa: S603  # our own program
                [*COMMAND, "serve", folder], cwd=self.folder(person), env=environ, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + START_S
        while not self._is_ready():
            alive = self._service.poll() is None and time.monotonic() < end
            self.expect(alive, f"the service did not start; see {log.name}")
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310  # our own URL
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def close(self) -> None:
        """Stop the service that was started here."""
        if self._service is None:
            return
        self._service.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._service.wait(STOP_S)
            return
        self._service.kill()
        self._service.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def holds(raw: bytes, text: str) -> bool:
    """Whether these bytes hold the text, plain or under any number of layers of base64 (as signed texts
    are).
    """
    if text.encode() in raw:
        return True
    return any(holds(_decoded(run), text) for run in _BASE64.findall(raw))


def _decoded(run: bytes) -> bytes:
    whole = run[: len(run) - (len(run) % 4 == 1)]  # one letter too many cannot be of it
    return base64.urlsafe_b64decode(whole + b"=" * (-len(whole) % 4))
