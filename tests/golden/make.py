"""Play the demo and keep what every person had at its end, as a golden folder for `test_golden.py`.

    .venv/bin/python tests/golden/make.py v1

A golden folder is made once for each version of the formats, from a released program, and is never changed or
made again: whatever is in it must open with every later version. The keys in it open nothing else.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LEFT_OUT = {"service.log", "service.toml"}


def left_out(folder: str, names: list[str]) -> set[str]:
    """Logs and settings, and what clients remember: made again from the rest, and no format of ours."""
    return set(names) - {"identity"} if Path(folder).name == ".escrow" else LEFT_OUT & set(names)


def main(version: str) -> None:
    """Refuses a version that is there already."""
    target = HERE / version
    if target.exists():
        sys.exit(f"{target} is there already, and golden files are never made again")
    done = subprocess.run(
        [sys.executable, "-m", "escrow.cli", "demo", "--quiet", "--keep"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"are in (\S+)", done.stdout + done.stderr)
    if found is None:
        sys.exit("the demo did not say where it left its files")
    shutil.copytree(found[1], target, ignore=left_out)
    shutil.rmtree(found[1])


if __name__ == "__main__":
    main(sys.argv[1])
