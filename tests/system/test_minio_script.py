"""`scripts/minio`: what it refuses, that it loosens nothing, and that it leaves no server behind."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.certificates import write_certificates
from support.minio import POLICIES, REPOSITORY, Minio, Site, minio_program
from support.refusals import refuses

from escrow.admin.minio_program import find_program, held
from escrow.admin.minio_setup import Role, default_retention, set_up
from escrow.admin.minio_verify import verify
from escrow.errors import SetupError
from escrow.store.interface import Bucket
from escrow.store.s3_connection import S3Connection
from escrow.store.s3_credentials import Credentials, read_credentials, write_credentials

COMMAND = (sys.executable, "-c", "from escrow.cli.minio_script import main; main()")
SETUP = 8


def run(*args: str, status: int = 0, path: str | None = None) -> tuple[str, str]:
    """stdout and stderr of `scripts/minio ARGS`."""
    environ = os.environ | ({} if path is None else {"PATH": path})
    done = subprocess.run([*COMMAND, *args], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    return done.stdout, done.stderr


def code(*args: str) -> str:
    return str(json.loads(run(*args, "--json", status=SETUP)[1].splitlines()[-1])["error"]["code"])


def _arguments(site: Site, out: Path, root: Path) -> tuple[str, ...]:
    where = ("--endpoint", site.server.endpoint, "--buckets", site.buckets)
    return ("setup", *where, "--root", str(root), "--out", str(out))


def _admin(site: Site) -> Any:
    from escrow.admin.minio_setup import administrator

    return administrator(site.settings("root"))


def _folder(site: Site) -> Path:
    found = site.settings("root").credentials
    assert found is not None
    return found.parent


@pytest.fixture
def whole(site: Site) -> Site:
    """With the users of all roles."""
    site.set_up()
    return site


def test_who_is_not_the_administrator_sets_nothing_up(site: Site, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    write_credentials(wrong, Credentials(access_key="nobody", secret_key="of that name"))
    out = tmp_path / "out"
    assert code(*_arguments(site, out, wrong)) == "store_credentials_refused"
    service = site.settings("service").credentials
    assert service is not None
    assert code(*_arguments(site, out, service)) == "store_access_denied"
    assert not out.exists()


def test_address_where_nobody_answers_is_said(tmp_path: Path) -> None:
    root = tmp_path / "root.json"
    write_credentials(root, Credentials(access_key="root", secret_key="some secret"))
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    where = ("--endpoint", f"http://127.0.0.1:{port}", "--root", str(root))
    assert code("setup", *where, "--out", str(tmp_path)) == "store_unreachable"


def test_files_are_looked_for_where_the_command_was_typed(tmp_path: Path) -> None:
    write_credentials(tmp_path / "root.json", Credentials(access_key="root", secret_key="some secret"))
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    words = (
        "setup",
        "--endpoint",
        f"http://127.0.0.1:{port}",
        "--root",
        "root.json",
        "--out",
        "out",
        "--json",
    )
    script = REPOSITORY / "scripts/minio"
    done = subprocess.run([script, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert json.loads(done.stderr.splitlines()[-1])["error"]["code"] == "store_unreachable"


def test_second_server_over_the_same_folder_is_refused_and_takes_no_credential_away(tmp_path: Path) -> None:
    minio_program()
    folder = tmp_path / "data"
    with held(folder):
        (folder / "credentials").mkdir()
        root = folder / "credentials/root.json"
        root.write_text("of the first")
        assert code("run", "--data", str(folder)) == "minio_data_in_use"
        assert root.read_text() == "of the first"


def test_https_where_no_tls_is_spoken_is_told_from_a_bad_certificate(site: Site, tmp_path: Path) -> None:
    words = list(_arguments(site, tmp_path / "out", _folder(site) / "root.json"))
    words[words.index("--endpoint") + 1] = site.server.endpoint.replace("http:", "https:")
    assert code(*words) == "store_speaks_no_tls"


def test_plain_http_to_a_server_of_tls_is_told_from_a_server_that_is_not_there(tmp_path: Path) -> None:
    """MinIO says 400 and hangs up before all is read, which resets the line: often nothing is seen of it."""
    write_certificates(tmp_path / "tls")
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(tmp_path / "tls/certificate.pem", tmp_path / "tls/key.pem")
    write_credentials(tmp_path / "root.json", Credentials(access_key="root", secret_key="some secret"))

    def answer() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                line = listener.accept()[0]
                with suppress(OSError), line, trust.wrap_socket(line, server_side=True):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer, daemon=True)
        server.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        where = ("--endpoint", endpoint, "--root", str(tmp_path / "root.json"))
        assert code("setup", *where, "--out", str(tmp_path / "out")) == "store_speaks_tls"
        listener.shutdown(socket.SHUT_RDWR)
        server.join(5)


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_file_of_certificates_that_is_none_is_named(site: Site, tmp_path: Path, text: str | None) -> None:
    authorities = tmp_path / "ca.pem"
    if text is not None:
        authorities.write_text(text)
    words = _arguments(site, tmp_path / "out", _folder(site) / "root.json")
    assert code(*words, "--ca-file", str(authorities)) == "ca_file_unusable"


def test_setting_up_twice_says_that_all_was_there_and_keeps_the_credentials(site: Site) -> None:
    set_up_before, folder = site.set_up(), _folder(site)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    out, _ = run(*_arguments(site, folder, folder / "root.json"), "--json")
    steps = [json.loads(line) for line in out.splitlines()]
    assert len(steps) > len(set_up_before)  # and what was verified
    assert not any(step["made"] or step["warning"] for step in steps)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())


@pytest.mark.parametrize(
    ("mode", "days", "asked_days", "stands"),
    [
        ("COMPLIANCE", 10, 20, ("COMPLIANCE", 20)),
        ("COMPLIANCE", 30, 20, ("COMPLIANCE", 30)),
        ("GOVERNANCE", 30, 20, ("GOVERNANCE", 30)),
    ],
)
def test_lock_of_the_ledger_is_neither_weakened_nor_shortened(
    site: Site, mode: Any, days: int, asked_days: int, stands: tuple[str, int]
) -> None:
    with site.client("root") as root:
        rule: Any = {"DefaultRetention": {"Mode": mode, "Days": days}}
        root.put_object_lock_configuration(
            Bucket=site.bucket(Bucket.LEDGER),
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
        )
    settings, folder = site.settings("root"), _folder(site)
    for _ in set_up(settings, policies=POLICIES, credentials=folder, ledger_days=asked_days, roles=()):
        pass
    with closing(S3Connection(settings)) as connection:
        assert default_retention(connection) == stands


def test_policy_that_was_changed_is_replaced_only_when_asked(whole: Site) -> None:
    name, admin = f"{whole.buckets}-sweep", _admin(whole)
    nothing: Any = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
    }
    admin.policy_add(policy_name=name, policy=nothing)
    folder = _folder(whole)
    arguments = _arguments(whole, folder, folder / "root.json")
    assert code(*arguments) == "policy_differs"
    assert json.loads(admin.policy_list())[name]["Statement"][0]["Effect"] == "Deny"
    made = [json.loads(line) for line in run(*arguments, "--replace-policies", "--json")[0].splitlines()]
    assert [step["step"] for step in made if step["made"]] == [f"policy {name}"]


def test_bucket_that_was_made_without_locks_is_refused(minio_server: Minio, site: Site) -> None:
    plain = f"{site.buckets}x"
    with site.client("root") as root:
        root.create_bucket(Bucket=f"{plain}-records")
    folder = _folder(site)
    arguments = ("setup", "--endpoint", minio_server.endpoint, "--buckets", plain, "--out", str(folder / "x"))
    assert code(*arguments, "--root", str(folder / "root.json")) == "bucket_not_locked"


def test_user_with_more_rights_than_its_own_is_found(whole: Site) -> None:
    _admin(whole).attach_policy(["readwrite"], user=whole.credentials("audit").access_key)
    with refuses(SetupError, "minio_user_differs", role="audit"):
        list(verify(whole.settings("root"), credentials=_folder(whole)))


def test_user_that_was_disabled_is_found(whole: Site) -> None:
    _admin(whole).user_disable(whole.credentials("service").access_key)
    with refuses(SetupError, "minio_user_differs", role="service"):
        list(verify(whole.settings("root"), credentials=_folder(whole)))


def test_user_whose_credential_no_longer_fits_is_found(whole: Site) -> None:
    _admin(whole).user_add(whole.credentials("release").access_key, "another secret altogether")
    with refuses(SetupError, "store_credentials_refused"):
        list(verify(whole.settings("root"), credentials=_folder(whole)))


def test_second_user_of_a_role_is_pointed_out(whole: Site, tmp_path: Path) -> None:
    """As a set-up into another folder leaves behind: nobody may remember that it is there."""
    for _ in set_up(whole.settings("root"), policies=POLICIES, credentials=tmp_path / "elsewhere"):
        pass
    warnings = [
        step.what for step in verify(whole.settings("root"), credentials=_folder(whole)) if step.warning
    ]
    assert len(warnings) == len(Role)
    assert any(
        read_credentials(tmp_path / "elsewhere/service.json").access_key in warning for warning in warnings
    )


@contextmanager
def running(folder: Path, *args: str) -> Iterator["subprocess.Popen[str]"]:
    minio_program()
    process = subprocess.Popen(
        [*COMMAND, "run", "--data", str(folder), *args, "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _reached(process: "subprocess.Popen[str]") -> dict[str, str]:
    """What `run` says last: where it is to be reached."""
    assert process.stdout is not None
    for line in process.stdout:
        told: dict[str, str] = json.loads(line)
        if "endpoint" in told:
            return told
    raise AssertionError(process.communicate()[1])


def _listens(endpoint: str) -> bool:
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_server_ends_with_whoever_ran_it(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path / "minio") as process:
        told = _reached(process)
        assert _listens(told["endpoint"])
        process.send_signal(how)
        said = process.communicate(timeout=30)[1]
        assert (process.returncode, said) == (0, "")
    assert not _listens(told["endpoint"])


def test_server_comes_up_again_over_its_data_and_reaches_only_loopback(tmp_path: Path) -> None:
    keys = set()
    for _ in range(2):
        with running(tmp_path / "minio") as process:
            told = _reached(process)
            assert told["endpoint"].startswith("http://127.0.0.1:")
            keys.add((Path(told["credentials"]) / "service.json").read_text())
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    assert len(keys) == 1


def test_port_of_another_program_is_left_alone(minio_server: Minio, tmp_path: Path) -> None:
    """Else the other MinIO would answer for ours, and be sent the credential that was drawn for ours."""
    port = str(minio_server.port)
    assert code("run", "--data", str(tmp_path / "minio"), "--port", port) == "minio_port_in_use"


def test_folder_that_minio_cannot_use_is_said_with_its_reason(tmp_path: Path) -> None:
    minio_program()
    (tmp_path / "minio/data").mkdir(parents=True)
    (tmp_path / "minio/data/.minio.sys").write_text("a file where MinIO wants a folder")
    with_reason = run("run", "--data", str(tmp_path / "minio"), status=SETUP)[1]
    assert "MinIO did not start: " in with_reason
    assert "minio.log" in with_reason


def test_neither_minio_nor_go_nor_docker_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with refuses(SetupError, "minio_missing", program="minio"):
        find_program("minio", tmp_path / "cache", say=print)


def test_go_that_fails_is_told_with_its_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho first >&2\necho 'go: too old' >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    with refuses(SetupError, "minio_build_failed", program="minio", builder="Go", reason="go: too old"):
        find_program("minio", tmp_path / "cache", say=said.append)
    assert "three minutes" in said[0]


def test_docker_that_does_not_run_is_told_with_its_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = "Cannot connect to the Docker daemon"
    with refuses(SetupError, "minio_build_failed", program="mc", builder="Docker", reason=reason):
        find_program("mc", tmp_path / "cache", say=print)
    assert not list((tmp_path / "cache").iterdir())


def test_without_go_docker_builds_both_once_as_the_dockerfile_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No engine is needed: a program in its place takes the Dockerfile and gives what its stage holds."""
    docker = tmp_path / "docker"
    docker.write_text(
        "#!/bin/sh\nout=${5#type=local,dest=}\nPATH=/usr/bin:/bin\nmkdir -p $out/usr/bin\n"
        'echo "$1 $2 $3 $6" | cat - /dev/stdin > $out/usr/bin/minio\ncat > /dev/null\n'
        "echo mc > $out/usr/bin/mc\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_program("minio", tmp_path / "cache", say=print)
    assert found.read_text().startswith("build --target minio -\n")
    docker.unlink()
    assert find_program("minio", tmp_path / "cache", say=print) == found
    assert find_program("mc", tmp_path / "cache", say=print).read_text() == "mc\n"


def test_minio_is_built_once_by_go_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\necho "$1 $2 $CGO_ENABLED" > "$GOBIN/minio"\n')
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    for _ in range(2):
        found = find_program("minio", tmp_path / "cache", say=said.append)
    assert found.read_text().startswith("install github.com/minio/minio@v0.")
    assert found.read_text().endswith(" 0\n")
    assert len(said) == 1
