"""Run a program as a container would: in a root folder of its own, with no capability and, if told so, a
read-only root. No engine and no image is needed, only Linux and root.

A program itself: `python confined.py SPEC.json`, under `unshare --mount --pid --fork` (see `command`).
What of a container it does not make: a network of its own, limits of memory and of system calls.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, LAST_CAPABILITY = 24, 38, 63
HOST = ("usr", "bin", "lib", "lib64", "sbin")
"""What the base image of a distribution brings; the host's, read-only."""
SETTINGS = ("passwd", "group", "hosts", "resolv.conf", "nsswitch.conf", "ssl", "ld.so.cache", "localtime")
"""And of /etc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """`binds`: (source, target, writable); `tmpfs`: (target, options). `host`: with the host's programs.
    `init`: process 1 is one that only hands signals on, as Docker's own is.
    """

    root: str
    argv: Sequence[str]
    uid: int = 0
    gid: int = 0
    cwd: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    binds: Sequence[tuple[str, str, bool]] = ()
    tmpfs: Sequence[tuple[str, str]] = ()
    host: bool = True
    read_only: bool = True
    init: bool = False


def command(spec: Spec, folder: Path) -> list[str]:
    """What to start, as root. The program is process 1 of its own, and dies with whoever started it."""
    path = folder / f"spec{len(list(folder.glob('spec*.json')))}.json"
    path.write_text(json.dumps(asdict(spec)))
    flags = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    return ["unshare", *flags, sys.executable, __file__, str(path)]


def program_of(process: "subprocess.Popen[bytes]") -> int:
    """The process id of the program itself, whose parent is `unshare`."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def _bind(source: str, target: Path, *, writable: bool) -> None:
    if Path(source).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    _mount("--bind", source, str(target))
    if not writable:
        _mount("-o", "remount,bind,ro", str(target))


def _mount_all(spec: Spec, root: Path) -> None:
    _mount("--bind", str(root), str(root))  # so that it can be made read-only by itself
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    if spec.host:
        for name in HOST:
            if Path("/", name).is_symlink():
                if not (root / name).is_symlink():
                    (root / name).symlink_to(os.readlink(f"/{name}"))
            elif Path("/", name).is_dir():
                _bind(f"/{name}", root / name, writable=False)
        if not sys.base_prefix.startswith("/usr"):  # the image of Python has it in /usr/local
            _mount("--bind", sys.base_prefix, str(root / "usr/local"))
            _mount("-o", "remount,bind,ro", str(root / "usr/local"))
        for name in SETTINGS:
            if Path("/etc", name).exists():
                _bind(f"/etc/{name}", root / "etc" / name, writable=False)
    for source, target, writable in spec.binds:
        _bind(source, root / target.lstrip("/"), writable=writable)
    for target, options in spec.tmpfs:
        (root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", options or "rw", "tmpfs", str(root / target.lstrip("/")))
    for name in ("dev", "proc"):
        (root / name).mkdir(exist_ok=True)
    _mount("--rbind", "/dev", str(root / "dev"))
    _mount("-t", "proc", "proc", str(root / "proc"))
    if spec.read_only:
        _mount("-o", "remount,bind,ro", str(root))


def _init() -> None:
    """Go on as a child. The parent hands signals on, and ends as the child does."""
    child = os.fork()
    if child == 0:
        return
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(one, lambda number, _: os.kill(child, number))
    while True:
        pid, status = os.wait()  # orphans too
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def main(path: str) -> None:
    spec = Spec(**json.loads(Path(path).read_text()))
    _mount_all(spec, Path(spec.root))
    libc = ctypes.CDLL(None, use_errno=True)
    os.chroot(spec.root)
    os.chdir(spec.cwd)
    if spec.uid:
        for capability in range(LAST_CAPABILITY + 1):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([])
        os.setresgid(spec.gid, spec.gid, spec.gid)
        os.setresuid(spec.uid, spec.uid, spec.uid)
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs")
    os.umask(0o022)
    if spec.init:
        _init()
    os.environ["PATH"] = spec.env["PATH"]  # where execvpe looks
    os.execvpe(spec.argv[0], list(spec.argv), dict(spec.env))


if __name__ == "__main__":
    main(sys.argv[1])
