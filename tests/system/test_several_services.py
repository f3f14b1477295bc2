"""Two real services on one MinIO: parties who work at the same time through both lose nothing.

The service that dies here dies by SIGKILL, with its workers. On a cluster, with nodes that die:
test_minio_cluster.py.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.circle import Circle
from support.minio import Site
from support.running import Running, running


@pytest.fixture
def services(site: Site, tmp_path: Path) -> Iterator[tuple[Running, Running]]:
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(running(tmp_path, site.settings("service"), name=name, threads=8))
            for name in ("first", "second")
        )
        yield first, second


def test_two_services_on_one_case_lose_nothing_and_enter_nothing_twice(
    services: tuple[Running, Running], site: Site, tmp_path: Path
) -> None:
    circle = Circle(tmp_path, *services)
    for request in circle.work(notes=4):
        assert circle.opens(request)
    circle.require_nothing_lost(site.settings("audit"))


def test_service_that_is_killed_and_started_again_has_lost_nothing(
    services: tuple[Running, Running], site: Site, tmp_path: Path
) -> None:
    first, _ = services
    circle = Circle(tmp_path, *services)
    circle.work(notes=3, actions={6: first.kill, 12: first.start})
    circle.require_nothing_lost(site.settings("audit"))
