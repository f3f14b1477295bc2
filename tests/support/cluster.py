"""A MinIO cluster of four nodes on this machine, each in a network namespace of its own, with two drives.

On loopback MinIO refuses to form a cluster. The namespaces hang on one bridge, on addresses that are kept for
tests of networks (198.18.0.0/15, RFC 2544) and reach nothing else. All of it is named after this process, is
removed at the end, and what a killed run left is removed by the next.
"""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.machine import require_program, require_root
from support.minio import Minio, minio_program, wait_until_ready

from escrow.store.s3_credentials import Credentials

NODES = 4
DRIVES = 2
PORT = 9000
PREFIX = "esc"
"""Names of interfaces have 15 letters at most: `esc`, this process, `n`, the node's number."""


class Node(Minio):
    """One node of a cluster; `stop` and `start` keep its drives. It is told of all drives of the cluster."""

    def __init__(self, number: int, folder: Path, root: Credentials, net: "Net", drives: list[str]) -> None:
        super().__init__(minio_program(), folder, root)
        self.number, self.host, self.port = number, net.address(number), PORT
        self._namespace = net.name(number)
        self._drives = drives

    def start(self) -> None:
        """Back in its cluster."""
        self.launch()
        self.wait()

    def wait(self) -> None:
        wait_until_ready(self.endpoint, self.process, "cluster")

    def wait_until_others_suffice(self) -> None:
        """Until the cluster could be written to without this node: one that came back has joined by then."""
        wait_until_ready(self.endpoint, self.process, "cluster?maintenance=true")

    def _command(self) -> list[str]:
        address = f"{self.host}:{self.port}"
        inside = ["ip", "netns", "exec", self._namespace]  # becomes MinIO itself: one process, one id
        return [*inside, self._program, "server", "--address", address, "--quiet", *self._drives]


class Cluster:
    """`nodes[n]`. Any of them serves; three of them are enough to write."""

    def __init__(self, folder: Path, net: "Net") -> None:
        root = Credentials(access_key="root" + secrets.token_hex(4), secret_key=secrets.token_hex(16))
        drives = [
            f"http://{net.address(node)}:{PORT}{folder}/node{node}/drive{drive}"
            for node in range(NODES)
            for drive in range(DRIVES)
        ]
        self.folder = folder
        self.nodes = [Node(number, folder / f"node{number}", root, net, drives) for number in range(NODES)]

    def start(self) -> None:
        """Each waits for the others, so all are launched first."""
        for node in self.nodes:
            for drive in range(DRIVES):
                (node.folder / f"drive{drive}").mkdir(parents=True)
            node.launch()
        for node in self.nodes:
            node.wait()


class Net:
    """A bridge, and a namespace for each node, joined to it by a pair of virtual interfaces."""

    def __init__(self) -> None:
        self._bridge = f"{PREFIX}{os.getpid()}b"
        self._subnet = f"198.18.{secrets.randbelow(254) + 1}"

    def name(self, number: int) -> str:
        return f"{PREFIX}{os.getpid()}n{number}"

    def address(self, number: int) -> str:
        return f"{self._subnet}.{number + 1}"

    def set_up(self) -> None:
        ip("link", "add", self._bridge, "type", "bridge")
        ip("addr", "add", f"{self._subnet}.254/24", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")
        for number in range(NODES):
            name = self.name(number)
            ip("netns", "add", name)
            ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", name, "master", self._bridge, "up")
            ip("-n", name, "addr", "add", f"{self.address(number)}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")

    def remove(self) -> None:
        _remove(os.getpid())


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _remove(pid: int) -> None:
    """Whatever of it is there. A namespace that goes takes its interfaces along."""
    for number in range(NODES):
        subprocess.run(["ip", "netns", "del", f"{PREFIX}{pid}n{number}"], capture_output=True, check=False)
    subprocess.run(["ip", "link", "del", f"{PREFIX}{pid}b"], capture_output=True, check=False)


def _remove_what_the_killed_left() -> None:
    for path in Path("/sys/class/net").glob(f"{PREFIX}*b"):
        pid = path.name.removeprefix(PREFIX).removesuffix("b")
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            _remove(int(pid))


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster that can be written to; it ends with the block."""
    require_program("ip", "apt-get install iproute2")
    require_root("A network of its own for a MinIO cluster")
    minio_program()
    _remove_what_the_killed_left()
    net = Net()
    made = Cluster(folder, net)
    try:
        net.set_up()
        made.start()
        yield made
    finally:
        for node in made.nodes:
            node.kill()
        net.remove()
