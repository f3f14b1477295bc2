"""Run a script with the Python that has Escrow: this one, or that of .venv beside the scripts."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path


def ensure() -> None:
    """Start the script again under .venv where this Python has no Escrow; say what to do where none has."""
    if find_spec("escrow") is not None and find_spec("boto3") is not None:
        return
    python = Path(__file__).resolve().parents[1] / ".venv/bin/python"
    if python.exists() and Path(sys.prefix) != python.parents[1]:
        os.execv(python, [str(python), *sys.argv])  # noqa: S606  # the same words, to our own Python
    sys.exit("Escrow is not installed here: run scripts/setup first.")
