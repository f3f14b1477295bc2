"""The site of infra/compose.yaml, standing on this machine: its own image, MinIO, service and TLS proxy."""

import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import compose, dockerfile
from support.certificates import write_certificates
from support.live import Live
from support.machine import absent, require_program
from support.minio import free_port, minio_program

REPOSITORY = Path(__file__).parents[2]
START_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a user of the site knows: its address, MinIO's door, and the authority's certificate."""

    url: str
    s3_url: str
    ca: Path
    data: Path
    minio: str
    service_port: int
    site: compose.Site
    running: dict[str, "subprocess.Popen[bytes]"]
    steps: dict[str, "subprocess.CompletedProcess[str]"]


def require_containers() -> None:
    """Root, and Linux that lets it make namespaces."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        absent("root with unshare", "run the tests of infra as root on Linux")
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        absent("mount namespaces", "run the tests of infra where root may unshare")


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root folder of our image, made by the Dockerfile's own steps."""
    require_containers()
    folder, stages = tmp_path_factory.mktemp("image"), dockerfile.read()
    dockerfile.build(stages, "build", folder)
    return dockerfile.build(stages, "escrow", folder)


@pytest.fixture(scope="session")
def minio_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `scratch` with the two programs; test_dockerfile.py builds them by the Dockerfile's step."""
    require_containers()
    root = tmp_path_factory.mktemp("minio-image")
    root.chmod(0o755)  # it is "/" to somebody else
    (root / "usr/bin").mkdir(parents=True)
    program = Path(minio_program())
    shutil.copy(program, root / "usr/bin/minio")
    mc = program.with_name("mc")
    shutil.copy(mc if mc.exists() else absent("mc", "scripts/minio install --with-mc"), root / "usr/bin/mc")
    return root


@pytest.fixture(scope="session")
def standing(image: Path, minio_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """Brought up in the order of infra/README.md."""
    require_program("nginx", "apt-get install nginx-light")
    data, work = tmp_path_factory.mktemp("srv") / "escrow", tmp_path_factory.mktemp("work")
    minio, service, tls, s3 = (free_port() for _ in range(4))
    url, s3_url = f"https://localhost:{tls}", f"https://localhost:{s3}"
    edits = {
        "http://minio:9000": f"http://127.0.0.1:{minio}",
        "http://127.0.0.1:9000": f"http://127.0.0.1:{minio}",
        ":9000": f"127.0.0.1:{minio}",
        "http://service:8321": f"http://127.0.0.1:{service}",
        "0.0.0.0:8321": f"127.0.0.1:{service}",
        "127.0.0.1:8321": f"127.0.0.1:{service}",
        "listen 8443": f"listen 127.0.0.1:{tls}",
        "listen 9443": f"listen 127.0.0.1:{s3}",
    }
    ca = write_certificates(data / "tls")
    subprocess.run([REPOSITORY / "infra/prepare", data], check=True, capture_output=True)
    site = compose.Site(data, work, {"escrow": image, "escrow-minio": minio_image}, edits, url)
    running: dict[str, subprocess.Popen[bytes]] = {}
    steps: dict[str, subprocess.CompletedProcess[str]] = {}
    try:
        running["minio"] = site.start("minio")
        await_answer(minio, running["minio"], site, "minio")
        for name in ("setup", "init"):
            steps[name] = site.run(name)
            assert steps[name].returncode == 0, steps[name].stderr
        with (data / "service/service.toml").open("a") as settings:
            settings.write("drop_off_bytes = 33554432\n")
        for name, port in (("service", service), ("proxy", tls)):
            running[name] = site.start(name)
            await_answer(port, running[name], site, name)
        yield Standing(
            url=url, s3_url=s3_url, ca=ca, data=data, minio=f"http://127.0.0.1:{minio}",
            service_port=service, site=site,
            running=running, steps=steps,
        )  # fmt: skip
    finally:
        for process in reversed(list(running.values())):
            compose.stop(process)


def await_answer(port: int, process: "subprocess.Popen[bytes]", site: compose.Site, name: str) -> None:
    end = time.monotonic() + START_S
    path = {"minio": "/minio/health/ready", "service": "/readyz"}.get(name)
    while time.monotonic() < end and process.poll() is None:
        try:
            if path is None:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            else:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{name} did not start:\n{site.log(name)}")


@pytest.fixture(scope="session")
def live(standing: Standing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A case behind the proxy, whose parties believe its authority as the README says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(standing.ca))
        yield Live(standing.url, tmp_path_factory.mktemp("homes"))


@pytest.fixture
def tls(standing: Standing) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(standing.ca))
