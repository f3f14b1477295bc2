"""Do what infra/compose.yaml says without an engine: each container as a confined process of this machine.

Compose itself reads the file. What differs from a real one are the edits: ports and the names of containers,
since all of them share this machine's loopback. `unchecked` lists what of the file has no effect here.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support import dockerfile
from support.confined import Spec, command, program_of
from support.machine import absent
from support.minio import die_with_parent

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "infra/compose.yaml"
CACHED = REPOSITORY / ".cache/bin/docker-compose"
STOP_S = 60
CARRIED_OUT = {
    "cap_drop", "command", "configs", "entrypoint", "environment", "init",
    "read_only", "secrets", "security_opt", "tmpfs",
    "user", "volumes",
}  # fmt: skip
"""Keys of a container that the confined process heeds."""


def compose_program() -> list[str]:
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0:
        return [docker, "compose"]
    return [str(CACHED)] if CACHED.exists() else absent("docker compose", "run .ci/run, which builds it")


def read(data: Path | str = "/srv/escrow", url: str = "https://escrow.example") -> dict[str, Any]:
    """The file as Compose understands it."""
    done = subprocess.run(
        [*compose_program(), "--file", str(FILE), "--profile", "*", "config", "--format", "json"],
        env=os.environ | {"ESCROW_DATA": str(data), "ESCROW_URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Site:
    """Containers over the folder `data`. `roots`: the root folder of each image of ours."""

    def __init__(
        self, data: Path, work: Path, roots: Mapping[str, Path], edits: Mapping[str, str], url: str
    ) -> None:
        self.found = read(data, url)
        self.stages = dockerfile.read()
        self._work, self._roots, self._edits = work, roots, edits

    def spec(self, name: str, argv: Sequence[str] | None = None) -> Spec:
        """As the file says; `argv` instead of its command, as `docker compose exec` would run it."""
        box = self.found["services"][name]
        stage = self.stages.get(box.get("build", {}).get("target", ""))
        image = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} | (stage.env if stage else {})
        host = stage is None or stage.base != "scratch"
        words = argv or [*self._entrypoint(box, stage), *(box.get("command") or _default(stage))]
        uid, _, gid = (box.get("user") or (stage.one("USER") if stage else "0:0")).partition(":")
        env = image | (box.get("environment") or {}) | (dockerfile.library_path() if host else {})
        return Spec(
            root=str(self._root(name, box)),
            argv=[self._edited(word) for word in words],
            env={key: self._edited(value) for key, value in env.items()},
            cwd=stage.all("WORKDIR")[-1] if stage and stage.all("WORKDIR") else "/",
            uid=int(uid) if "cap_drop" in box else 0,
            gid=int(gid),
            binds=self._binds(box),
            tmpfs=[tuple(one.partition(":")[::2]) for one in box.get("tmpfs", ())],
            host=host,
            read_only=box.get("read_only", False),
            init=box.get("init", False),
        )

    def run(self, name: str, *argv: str) -> "subprocess.CompletedProcess[str]":
        """`docker compose run --rm NAME`, to its end."""
        words = command(self.spec(name, argv or None), self._work)
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)

    def start(self, name: str, *argv: str) -> "subprocess.Popen[bytes]":
        log = (self._work / f"{name}.log").open("ab")
        with log:
            return subprocess.Popen(
                command(self.spec(name, argv or None), self._work),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent,
            )  # fmt: skip

    def log(self, name: str) -> str:
        return (self._work / f"{name}.log").read_text("utf-8", "replace")

    def _root(self, name: str, box: dict[str, Any]) -> Path:
        """Of an image of ours, or an empty one that the host's programs are put into."""
        root = self._roots.get(box["image"]) or self._work / f"root-{name}"
        root.mkdir(exist_ok=True)
        return root

    def _binds(self, box: dict[str, Any]) -> list[tuple[str, str, bool]]:
        out = []
        for one in box.get("volumes", ()):
            source = one["source"] if one["type"] == "bind" else str(self._volume(one["source"], box))
            out.append((source, one["target"], not one.get("read_only", False)))
        for kind in ("secrets", "configs"):
            for one in box.get(kind, ()):
                file = Path(self.found[kind][one["source"]]["file"])
                out.append((str(self._edited_file(file)), one["target"], False))
        return out

    def _volume(self, name: str, box: dict[str, Any]) -> Path:
        """A named volume is first owned as the image's own folder there: by the user that runs it."""
        path = self._work / f"volume-{name}"
        if not path.exists():
            path.mkdir()
            os.chown(path, *(int(one) for one in box["user"].split(":")))
        return path

    def _edited_file(self, file: Path) -> Path:
        if file.suffix != ".conf":
            return file
        copy = self._work / file.name
        copy.write_text(self._edited(file.read_text()))
        copy.chmod(0o644)
        return copy

    def _edited(self, text: str) -> str:
        for old, new in self._edits.items():
            text = text.replace(old, new)
        return text

    @staticmethod
    def _entrypoint(box: dict[str, Any], stage: dockerfile.Stage | None) -> list[str]:
        own = stage.all("ENTRYPOINT") if stage else []
        return list(box.get("entrypoint") or (dockerfile.words(own[0]) if own else []))


def _default(stage: dockerfile.Stage | None) -> list[str]:
    return dockerfile.words(stage.one("CMD")) if stage else []


def stop(process: "subprocess.Popen[bytes]", how: signal.Signals = signal.SIGTERM) -> int:
    """As an engine stops a container: its process 1 is told, and what it ends with comes back."""
    if process.poll() is None:
        os.kill(program_of(process), how)
    return process.wait(STOP_S)


def unchecked(found: dict[str, Any]) -> list[str]:
    """Every setting of a container that was only read by Compose."""
    return sorted(
        {f"{name}.{key}" for name, box in found["services"].items() for key in box.keys() - CARRIED_OUT}
    )
