"""The README's ten minutes, typed as they stand: every command block, in order, in one shell."""

import re
import socket
import subprocess
import sys
from pathlib import Path

from support.machine import require_program

README = Path(__file__).parents[2] / "README.md"
FIRST, LAST = "## Ten minutes", "## Running a service"
STEP = re.compile(r"(?:^ {4}.*\n|^\n(?= {4}))+", re.MULTILINE)
WAIT = "for _ in $(seq 100); do curl -sf $ESCROW_SERVICE/readyz >wait.log && break; sleep 0.1; done"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def script(port: int) -> str:
    """The blocks as one script, on a free port, in this folder, with this Python's commands."""
    text = README.read_text()
    blocks = STEP.findall(text[text.index(FIRST) : text.index(LAST)])
    lines = [line.removeprefix("    ") for block in blocks for line in block.splitlines()]
    out = [f"export PATH={Path(sys.executable).parent}:$PATH", "trap 'kill %1' EXIT"]
    for line in lines:
        if line.startswith(("export PATH", "cd ")):
            continue
        line = line.replace("service init service", f"service init service --bind 127.0.0.1:{port}")
        out.append(line.replace("127.0.0.1:8321", f"127.0.0.1:{port}"))
        if line.startswith("export ESCROW_SERVICE"):
            out.append(WAIT)
    return "\n".join(out)


def test_every_command_of_the_readme_works_as_written(tmp_path: Path) -> None:
    require_program("curl", "apt-get install curl")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script(free_port())],
        cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "for-the-arbitrator.txt").read_text() == "The respondent pays 90,000.\n"
    assert (tmp_path / "for-everyone.txt").read_text() == "We have settled.\n"
    assert done.stdout.count("sound") == 2
    assert '"items"' in done.stdout.splitlines()[-1]
