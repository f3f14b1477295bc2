"""Run a script with the Python that has Escrow: that of .venv beside the scripts, or else this one."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def ensure() -> None:
    """Start the script again under the .venv beside it, if there is one: the Python that comes first in PATH
    may have the Escrow of another checkout. Say what to do where there is no Escrow.
    """
    python = Path(__file__).resolve().parents[1] / ".venv/bin/python"
    if python.exists() and Path(sys.prefix).resolve() != python.parents[1]:
        os.execv(python, [str(python), *sys.argv])  # noqa: S606  # the same words, to our own Python
    if find_spec("escrow") is not None and find_spec("boto3") is not None:
        return
    sys.exit("Escrow is not installed here: run scripts/setup first.")
