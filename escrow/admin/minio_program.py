"""Find MinIO's program or build it, and run one on this machine for the demo, the tests and benchmarks."""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from escrow.errors import SetupError
from escrow.store.s3_credentials import Credentials

MINIO: Final = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
"""The newest version that Go's module proxy serves; the project's repository is archived since then."""
MC: Final = "github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9"
START_S: Final = 60
STOP_S: Final = 10
_REASON: Final = 300
DOCKERFILE: Final = Path(__file__).resolve().parents[2] / "Dockerfile"
"""Of the checkout; an installed package has none."""


def find_program(name: str, cache: Path, *, say: Callable[[str], None]) -> Path:
    """`minio` or `mc`: on PATH, else in `cache`, else built into it, by Go or else by Docker: minutes, once.

    SetupError `minio_missing` (program) where there is neither; `minio_build_failed` (program, builder,
    reason: the builder's last line).
    """
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    cached = cache / name
    if not cached.exists():
        _build(name, cache, say)
    return cached


def _build(name: str, cache: Path, say: Callable[[str], None]) -> None:
    go, docker = shutil.which("go"), shutil.which("docker")
    if go is not None:
        cache.mkdir(parents=True, exist_ok=True)
        _build_by_go(go, name, cache, say)
    elif (
        docker is not None and sys.platform == "linux" and DOCKERFILE.exists()
    ):  # what it builds is for Linux
        cache.mkdir(parents=True, exist_ok=True)
        _build_by_docker(docker, name, cache, say)
    else:
        raise SetupError("minio_missing", program=name)


def _build_by_go(go: str, name: str, cache: Path, say: Callable[[str], None]) -> None:
    """As MinIO's own documents say: `go install`, into a folder of our own."""
    module = {"minio": MINIO, "mc": MC}[name]
    say(f"Building {name} by Go from {module}: about three minutes, once.")
    environ = os.environ | {"CGO_ENABLED": "0", "GOBIN": str(cache.resolve())}
    done = subprocess.run([go, "install", module], env=environ, capture_output=True, check=False)  # noqa: S603
    _require_built(name, "Go", done, cache / name)


def _build_by_docker(docker: str, name: str, cache: Path, say: Callable[[str], None]) -> None:
    """The Dockerfile's own stage, of which the two programs are taken out; it needs no other file."""
    say("Building minio and mc by Docker, as the Dockerfile says: some minutes, once.")
    with tempfile.TemporaryDirectory(dir=cache) as out, DOCKERFILE.open("rb") as dockerfile:
        words = [docker, "build", "--target", "minio", "--output", f"type=local,dest={out}", "-"]
        environ = os.environ | {"DOCKER_BUILDKIT": "1"}
        done = subprocess.run(words, env=environ, stdin=dockerfile, capture_output=True, check=False)  # noqa: S603
        made = Path(out) / "usr/bin"
        _require_built(name, "Docker", done, made / name)
        for program in made.iterdir():
            program.replace(cache / program.name)


def _require_built(
    name: str, builder: str, done: "subprocess.CompletedProcess[bytes]", program: Path
) -> None:
    if done.returncode != 0 or not program.exists():
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise SetupError("minio_build_failed", program=name, builder=builder, reason=last[:_REASON])


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A MinIO on loopback, and the credential of its administrator."""

    endpoint: str
    root: Credentials
    log: Path
    process: "subprocess.Popen[bytes]"

    def wait(self) -> NoReturn:
        """Until it ends, which it should not: SetupError `minio_stopped` (status, log)."""
        raise SetupError("minio_stopped", status=self.process.wait(), log=str(self.log))


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """A folder of mode 0700, made where it is missing, in which one server lives at a time.

    A second MinIO over the same data would start, and take the first one's place. SetupError
    `minio_data_in_use` (folder).
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError("minio_data_in_use", folder=str(folder)) from error
        yield


@contextmanager
def run_minio(program: Path, data: Path, log: Path, *, port: int = 0) -> Iterator[Running]:
    """Run MinIO over the folder `data` as long as the block lasts, on loopback only.

    `port` 0: a free one. SetupError `minio_port_in_use` (address), `minio_did_not_start` (reason, log).
    """
    chosen = port or _free_port()
    _require_free(chosen)
    root = Credentials(access_key=f"root-{secrets.token_hex(5)}", secret_key=secrets.token_urlsafe(30))
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603  # the program that was found or built above
            [str(program), "server", str(data), "--address", f"127.0.0.1:{chosen}", "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,  # Ctrl-C is for whoever started it, who then stops it in order
            env=os.environ
            | {
                "MINIO_ROOT_USER": root.access_key,
                "MINIO_ROOT_PASSWORD": root.secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
            },
        )
    try:
        endpoint = f"http://127.0.0.1:{chosen}"
        _wait(endpoint, process, log)
        yield Running(endpoint=endpoint, root=root, log=log, process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(endpoint: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/minio/health/ready", timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SetupError("minio_did_not_start", reason=_reason(log), log=str(log))


def _reason(log: Path) -> str:
    """What MinIO says last where it gives up."""
    lines = log.read_text("utf-8", "replace").splitlines()
    said = [line.partition("FATAL")[2].strip() for line in lines if "FATAL" in line]
    return said[-1][:_REASON] if said else f"it was not ready within {START_S} seconds, or ended"


def _require_free(port: int) -> None:
    """Else whoever listens there would answer for our MinIO, and be sent what is for it."""
    address = ("127.0.0.1", port)
    try:
        socket.create_server(address).close()
    except OSError as error:
        raise SetupError("minio_port_in_use", address=f"{address[0]}:{port}") from error


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
