"""Types the commands of a document, as they stand in it, into one bash, in the checkout.

Each document has a network and processes of its own (Linux namespaces): every port is free, no address is
replaced, nothing reaches beyond this machine, and whatever it started ends with it, however that ends.
"""

import os
import shutil
import subprocess
from pathlib import Path

from support.guides import REPOSITORY, Document
from support.machine import absent, require_program
from support.minio import die_with_parent, minio_program

CACHED = REPOSITORY / ".cache/bin"
INSTALL = {"mc": "scripts/minio install --with-mc"}
PATIENCE_S = 240
ALONE = ("unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
SHELL = 'ip link set lo up && exec bash -eo pipefail "$0"'


def require_all(document: Document) -> None:
    """What this document needs of the machine."""
    require_program("ip", "apt-get install iproute2")
    if not shutil.which("unshare") or subprocess.run([*_alone(), "true"], capture_output=True).returncode:
        absent("namespaces", "run the guides' tests on Linux, as root or where users may make namespaces")
    for program in document.needs:
        if program == "minio":
            minio_program()
        elif not (CACHED / program).exists():
            require_program(program, INSTALL.get(program, f"apt-get install {program}"))


def type_in(
    document: Document, folder: Path, patience_s: float = PATIENCE_S
) -> "subprocess.CompletedProcess[str]":
    """Until the first command fails. `folder`: the reader's home; temporary folders are made in it too.

    The output is both streams in one; before each block it says where that stands.
    """
    typed = folder / "typed.sh"
    typed.write_text(script(document))
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return subprocess.run(
        [*_alone(), "bash", "-c", SHELL, str(typed)], cwd=REPOSITORY, timeout=patience_s, check=False,
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=die_with_parent,
        env={"HOME": str(folder), "TMPDIR": str(folder), "PATH": f"{path}:{CACHED}", "LANG": "C.UTF-8"}
        | {"ESCROW_DRAIN_S": "0"},  # no balancer is there that must notice a stop
    )  # fmt: skip


def script(document: Document) -> str:
    """All commands as one script; Python's are handed to `python -`."""
    lines = []
    for block in document.blocks:
        if block.is_command:
            lines.append(f"echo '== {document.name}:{block.line}'\n")
            typed = f"python - <<'END OF BLOCK'\n{block.text}END OF BLOCK\n"
            lines.append(typed if block.language == "python" else block.text)
    return "".join(lines)


def _alone() -> tuple[str, ...]:
    return ALONE if os.geteuid() == 0 else (*ALONE, "--map-root-user")
