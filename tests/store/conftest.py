"""What the room's tests share."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from store.racing import Storage, Tools

from escrow.store.opening import open_archive

# The contract's asserts explain themselves like any test's.
pytest.register_assert_rewrite(
    "store.contract",
    "store.contract_uploads",
    "store.contract_publisher",
    "store.contract_sweeper",
    "store.contract_versions",
)


@pytest.fixture
def tools(storage: Storage) -> Iterator[Tools]:
    """Opens `storage`, which the backend's module gives, with the credential of a role."""
    with ExitStack() as opened:
        yield lambda role: opened.enter_context(open_archive(storage(role)))


@pytest.fixture
def in_child() -> Callable[[Callable[[], object]], int]:
    """Runs a deed in a forked process; its exit status, 99 if the deed came back or raised."""

    def run(deed: Callable[[], object]) -> int:
        child = os.fork()
        if child == 0:
            try:
                deed()
            finally:
                os._exit(99)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return run
