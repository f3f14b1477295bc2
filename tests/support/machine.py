"""What a test may need of the machine: missing, it is skipped loudly; with `scripts/test --all` it fails."""

import os
import shutil
from typing import NoReturn

import pytest


def require_program(name: str, install: str) -> str:
    """The path of a program on PATH."""
    return shutil.which(name) or absent(name, install)


def require_linux(feature: str) -> None:
    """For tests that look into /proc of a running worker."""
    if not os.path.isdir("/proc/self"):
        absent(feature, "run the tests on Linux")


def require_root(feature: str) -> None:
    """For tests that do what only root may."""
    if os.geteuid() != 0:
        absent(feature, "run the tests as root")


def absent(name: str, install: str) -> NoReturn:
    message = f"{name} is missing: {install}"
    if os.environ.get("ESCROW_TEST_REQUIRE_ALL"):
        pytest.fail(message)
    pytest.skip(message)
