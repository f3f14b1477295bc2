"""infra/compose.yaml: what a container may not, and each of its commands, run as the file says."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import compose, dockerfile
from support.confined import program_of
from support.live import Live
from support.standing import Standing, await_answer

pytestmark = pytest.mark.timeout(600)
OURS = ("setup", "init", "audit", "sweep", "release", "service", "webhooks")


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return compose.read()


def status_of(process: "subprocess.Popen[bytes]") -> dict[str, str]:
    lines = Path(f"/proc/{program_of(process)}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


# What the file says


def test_container_with_more_than_it_needs_is_not_described(found: dict[str, Any]) -> None:
    for name, box in found["services"].items():
        assert box["read_only"], name
        assert box["cap_drop"] == ["ALL"], name
        assert box["security_opt"] == ["no-new-privileges:true"], name
        assert int(box["mem_limit"]) > 0, name
        assert box["pids_limit"] > 0, name
        assert box["logging"]["options"]["max-size"], name
        assert not {"privileged", "network_mode", "pid", "ipc", "devices", "cap_add"} & box.keys(), name
        assert "docker.sock" not in json.dumps(box), name


def test_image_without_an_exact_version_is_not_used(found: dict[str, Any]) -> None:
    images = {box["image"] for box in found["services"].values() if "build" not in box}
    assert images == {"nginxinc/nginx-unprivileged:1.30.4-alpine"}


def test_only_the_proxy_can_be_reached_and_only_it_and_webhooks_can_reach_out(found: dict[str, Any]) -> None:
    assert found["networks"]["inside"]["internal"] is True
    for name, box in found["services"].items():
        more = {"proxy": {"edge"}, "webhooks": {"out"}}.get(name, set())
        assert set(box["networks"]) == {"inside"} | more, name
        assert bool(box.get("ports")) == (name == "proxy")


def test_no_container_has_a_credential_that_is_not_its_own(found: dict[str, Any]) -> None:
    given = {
        name: sorted(one["source"] for one in box.get("secrets", ()))
        for name, box in found["services"].items()
    }
    assert given == {
        "minio": ["root.env"], "setup": ["root.json"], "init": ["service.json"], "service": ["service.json"],
        "release": ["release.json"], "audit": ["audit.json"], "sweep": ["sweep.json"],
        "webhooks": ["webhooks.json"],
        "proxy": ["certificate.pem", "key.pem"],
    }  # fmt: skip
    for name, box in found["services"].items():
        for variable, value in (box.get("environment") or {}).items():
            assert value.startswith(("/run/secrets/", "http://")), f"{name}: {variable}"


def test_service_is_given_the_time_that_its_settings_ask_for(found: dict[str, Any]) -> None:
    from escrow.config import Settings

    settings = Settings(public_url="https://x.example", store=Path("x"), service_identity=Path("x"))
    asked = settings.drain_s + settings.grace_s
    assert int(found["services"]["service"]["stop_grace_period"].removesuffix("s")) >= asked + 5


# What it does


def test_containers_are_confined_as_described(standing: Standing, found: dict[str, Any]) -> None:
    for name, uid in (("service", "65532"), ("minio", "65532"), ("proxy", "101")):
        shown = status_of(standing.running[name])
        assert set(shown["Uid"].split()) == {uid}, name
        assert shown["CapEff"] == shown["CapBnd"] == shown["CapPrm"] == "0" * 16, name
        assert shown["NoNewPrivs"] == "1", name
    print(f"{len(compose.unchecked(found))} settings that Compose read and nothing here carries out:")
    print(*compose.unchecked(found), sep="\n")


@pytest.mark.parametrize("place", ["/", "/opt/escrow", "/opt/escrow/scripts", "/srv/service", "/run/secrets"])
def test_service_can_write_nowhere_but_to_its_memory(standing: Standing, place: str) -> None:
    write = f"open({place!r} + '/x', 'w')"
    done = standing.site.run("service", "python", "-c", write)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert standing.site.run("service", "python", "-c", write.replace(place, "/tmp")).returncode == 0


def test_health_checks_say_what_is_so(standing: Standing) -> None:
    for name, stage in (("service", "escrow"), ("minio", "minio")):
        check = dockerfile.words(standing.site.stages[stage].one("HEALTHCHECK").partition("CMD")[2])
        assert standing.site.run(name, *check).returncode == 0, name
        nobody = [word.replace("8321", "9").replace("here", "gone") for word in check]
        assert standing.site.run(name, *nobody).returncode != 0, name


def test_second_setup_changes_nothing_and_second_init_is_refused(standing: Standing) -> None:
    before = {path.name: path.read_bytes() for path in (standing.data / "credentials").iterdir()}
    again = standing.site.run("setup")
    assert again.returncode == 0
    assert "made" not in again.stderr
    assert {path.name: path.read_bytes() for path in (standing.data / "credentials").iterdir()} == before
    identity = (standing.data / "service/identity").read_bytes()
    assert standing.site.run("init").returncode != 0
    assert (standing.data / "service/identity").read_bytes() == identity


def test_prepare_twice_draws_no_second_credential(standing: Standing) -> None:
    before = (standing.data / "admin/root.json").read_bytes()
    done = subprocess.run(
        [compose.REPOSITORY / "infra/prepare", standing.data], capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert (standing.data / "admin/root.json").read_bytes() == before


@pytest.mark.parametrize("name", ["audit", "sweep"])
def test_scripts_of_the_image_work_with_their_own_credential(
    standing: Standing, live: Live, name: str
) -> None:
    live.deposit()
    done = standing.site.run(name)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("credential", "ends"), [("/run/secrets/release.json", "0"), ("/nowhere.json", "8")])
def test_release_that_fails_is_unhealthy_and_says_why(standing: Standing, credential: str, ends: str) -> None:
    timer = " ".join((*standing.site.spec("release").argv, "--credentials", credential))
    until = "until [ -s /tmp/every ]; do sleep 0.1; done"
    done = standing.site.run(
        "release",
        "sh",
        "-c",
        f"{timer} & {until}; infra/every.py --healthy; echo $?; kill $!; wait $!; echo $?",
    )
    assert done.stdout.split()[-2:] == [ends, "0"], done.stderr  # after what it has published
    assert ("credentials_unreadable" in done.stderr) == (ends != "0")


def test_service_that_is_stopped_ends_in_order_and_comes_back_as_itself(standing: Standing) -> None:
    identity = (standing.data / "service/identity").read_bytes()
    assert compose.stop(standing.running["service"]) == 0
    standing.running["service"] = standing.site.start("service")
    await_answer(standing.service_port, standing.running["service"], standing.site, "service")
    assert (standing.data / "service/identity").read_bytes() == identity


def test_script_that_awaits_no_signal_is_stopped_all_the_same(standing: Standing) -> None:
    """As process 1 of its container it would pass over SIGTERM."""
    wait = "import time; print('waits', flush=True); time.sleep(600)"
    process = standing.site.start("audit", "python", "-c", wait)
    while "waits" not in standing.site.log("audit"):
        assert process.poll() is None
    assert compose.stop(process) == 128 + signal.SIGTERM
