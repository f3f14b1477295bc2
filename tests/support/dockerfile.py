"""Read the Dockerfile, and carry out its steps in an empty folder: the same words at the same paths.

Only what our own file uses is understood; anything else is an error, so that no step is passed over in
silence.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from support.confined import Spec, command

REPOSITORY = Path(__file__).parents[2]
KEPT = re.compile(
    r"(?i)(https?|no)_proxy|SSL_.*|PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST)|UV_INDEX.*"
)
"""Of this machine's surroundings: how it reaches package registries."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """One FROM and what follows it."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [rest for found, rest in self.steps if found == word]

    def one(self, word: str) -> str:
        (found,) = self.all(word)
        return found

    @property
    def env(self) -> dict[str, str]:
        pairs = (pair.partition("=") for line in self.all("ENV") for pair in line.split())
        return {name: value for name, _, value in pairs}


def read(path: Path = REPOSITORY / "Dockerfile") -> dict[str, Stage]:
    """Stages by name, with arguments put in."""
    text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text()).replace("\\\n", " ")
    stages: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    current: Stage | None = None
    for line in filter(None, (line.strip() for line in text.splitlines())):
        word, _, rest = line.partition(" ")
        rest = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], rest.strip())
        if word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = stages[name] = Stage(base=base)
        else:
            assert current is not None, line
            current.steps.append((word, rest))
    return stages


def ignored(name: str, path: Path = REPOSITORY / ".dockerignore") -> bool:
    """Whether the build's context lacks this file: the last line that fits decides."""
    out = False
    for line in filter(lambda line: line and not line.startswith("#"), path.read_text().splitlines()):
        shape = line.removeprefix("!")
        parents = [name, *(str(parent) for parent in Path(name).parents)]
        if shape.startswith("**/"):
            fits = shape[3:] in Path(name).parts
        else:
            fits = any(fnmatch(one, shape) for one in parents if shape != "*" or one != ".")
        if fits:
            out = not line.startswith("!")
    return out


def context() -> list[str]:
    """Every file of the repository that a build would be given."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.splitlines() if not ignored(name) and (REPOSITORY / name).exists()]


def build(stages: dict[str, Stage], name: str, folder: Path) -> Path:
    """Carry a stage out; the folder that is its root then."""
    root = folder / name
    root.mkdir()
    stage, at, env = stages[name], "/", {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root"}
    for word, rest in stage.steps:
        match word:
            case "WORKDIR":
                at = rest
                (root / at.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "ENV":
                env |= dict(pair.split("=", 1) for pair in rest.split())
            case "COPY":
                _copy(rest, root, at, folder)
            case "RUN":
                _run(rest, root, at, env, folder)
            case "USER" | "EXPOSE" | "HEALTHCHECK" | "STOPSIGNAL" | "ENTRYPOINT" | "CMD":
                pass  # how it is run, not what is in it
            case _:
                raise AssertionError(f"{word} is not carried out")
    return root


def _copy(rest: str, root: Path, at: str, folder: Path) -> None:
    *words, target = rest.split()
    into = root / os.path.join(at, target).lstrip("/")
    if words[0].startswith("--from="):
        for source in words[1:]:
            shutil.copytree(
                folder / words[0].removeprefix("--from=") / source.lstrip("/"), into, symlinks=True
            )
        return
    given = context()
    for source in words:
        names = [name for name in given if name == source or name.startswith(f"{source}/")]
        assert names, f"{source} is not in the context"
        for name in names:
            to = into / Path(name).name if target.endswith("/") else into / Path(name).relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, to)


def _run(line: str, root: Path, at: str, env: dict[str, str], folder: Path) -> None:
    """By /bin/sh, as Docker does it, with the image's own environment and the way to the registries."""
    network = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    spec = Spec(
        root=str(root),
        argv=["/bin/sh", "-c", line],
        cwd=at,
        env=env | network | library_path(),
        read_only=False,
    )
    done = subprocess.run(command(spec, folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def library_path() -> dict[str, str]:
    """This machine's Python, in /usr/local instead of where it was built, finds its library so."""
    return {} if sys.base_prefix.startswith("/usr") else {"LD_LIBRARY_PATH": "/usr/local/lib"}


def words(line: str) -> list[str]:
    """The exec form."""
    found: list[str] = json.loads(line)
    return found
