"""Two real services on a MinIO cluster, each at a node of its own, while nodes and services die."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from support.circle import Circle
from support.cluster import Cluster, cluster
from support.kept import SCRIPTS, environment
from support.minio import Site
from support.running import Running, running

pytestmark = pytest.mark.timeout(300)  # four servers and two services share one machine

ABSENT_S = 30
"""Of a service that asks a node which is gone: far less, unless it hangs."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def site(nodes: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(nodes.nodes[0], tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def services(
    nodes: Cluster, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Running]]:
    """The first at node 0, the second at node 1."""
    folder = tmp_path_factory.mktemp("services")
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(
                running(
                    folder, replace(site.settings("service"), endpoint=node.endpoint), name=name, threads=8
                )
            )
            for name, node in zip(("first", "second"), nodes.nodes, strict=False)
        )
        yield first, second


def test_nodes_and_services_that_are_killed_take_nothing_along(
    nodes: Cluster, site: Site, services: tuple[Running, Running], tmp_path: Path
) -> None:
    """Node 3 dies and stays dead; the second service dies and comes back; the first loses its own node, and
    what is sent to it goes to the second.
    """
    first, second = services
    circle = Circle(tmp_path, first, second)
    requests = circle.work(
        notes=3,
        actions={6: nodes.nodes[3].kill, 9: second.kill, 12: second.start},
    )
    nodes.nodes[3].start()
    nodes.nodes[0].wait_until_others_suffice()
    nodes.nodes[0].kill()
    assert first.ask("GET", "/readyz", timeout=ABSENT_S)[0] == 503
    assert first.ask("GET", "/healthz")[0] == 200
    for seat in ("claimant", "respondent", "mediator"):
        circle.note(seat, "while the first service is out of reach of its node")
    nodes.nodes[0].start()
    first.wait_until_ready()
    circle.note("claimant", "through both again")
    assert circle.opens(requests[0])
    circle.require_nothing_lost(site.settings("audit"))
    words = [sys.executable, SCRIPTS / "audit.py"]
    audited = subprocess.run(
        words, env=environment(site, "audit"), capture_output=True, text=True, check=False
    )
    assert (audited.returncode, "sound" in audited.stdout) == (0, True), audited
