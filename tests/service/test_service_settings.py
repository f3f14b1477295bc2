"""Settings and the service's key file: what is missing, misspelt, out of range or exposed stops the start."""

from pathlib import Path

import pytest
from support import build
from support.refusals import refuses

from escrow import config
from escrow.config import S3Settings, load_settings, load_storage
from escrow.errors import SetupError
from escrow.service.identity import create_service_identity, load_service_identity
from escrow.store import interface

GIVEN = {
    "ESCROW_PUBLIC_URL": "https://escrow.example",
    "ESCROW_STORE": "/srv/escrow",
    "ESCROW_SERVICE_IDENTITY": "/srv/service.key",
}


@pytest.mark.parametrize("name", GIVEN)
def test_missing_setting_is_named(name: str) -> None:
    environ = {key: value for key, value in GIVEN.items() if key != name}
    with refuses(SetupError, "setting_missing", variable=name):
        load_settings(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "escrow.example"),
        ("public_url", "https://escrow.example/"),
        ("public_url", "ftp://escrow.example"),
        ("workers", "0"),
        ("workers", "two"),
        ("workers", "-1"),
        ("upload_bytes", "1e9"),
        ("socket_timeout_s", "0"),
        ("requests_per_s_per_card", "-1"),
        ("requests_per_s_per_card", "many"),
        ("posts_per_s_per_case", "1e3"),
        ("socket_timeout_s", "soon"),
        ("bind", "8321"),
        ("bind", "127.0.0.1:99999"),
        ("bind", ":8321"),
        ("metrics_bind", ""),
        ("metrics_bind", "9464"),
        ("metrics_bind", ":9464"),
        ("metrics_bind", "127.0.0.1:99999"),
        ("metrics_bind", "127.0.0.1:0x10"),
        ("metrics_bind", "127.0.0.1:-1"),
        ("metrics_bind", "127.0.0.1:8321"),
        ("metrics_bind", "localhost:8321"),
        ("metrics_bind", "0.0.0.0:9464"),
        ("metrics_bind", "[::]:9464"),
        ("metrics_bind", "8.8.8.8:9464"),
        ("metrics_bind", "[2a00::1]:9464"),
        ("metrics_bind", "224.0.0.1:9464"),
        ("metrics_bind", "metrics.example:9464"),
        ("slow_storage_s", "0"),
        ("convenors", ""),
        ("public_url", "https://escrow.example?a=b"),
        ("public_url", "https://escrow.example/x?a=b"),
        ("public_url", "https://escrow.example/#c"),
        ("public_url", "https://user@escrow.example"),
        ("workers", "99999999999999"),
        ("threads", "1"),
        ("threads", "10000"),
        ("statement_bytes", "100000000"),
        ("part_bytes", "1"),
        ("part_bytes", "100000000"),
        ("upload_bytes", "999999999999999"),
        ("entries_per_case", "3"),
        ("grace_s", "0.5"),
        ("socket_timeout_s", "999999999"),
    ],
)
def test_setting_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    with refuses(SetupError, "setting_malformed", setting=name):
        load_settings(GIVEN | {f"ESCROW_{name.upper()}": value})


@pytest.mark.parametrize(
    "line",
    ["socket_timeout_s = nan", "body_deadline_s = inf", "drain_s = -5", "drain_s = nan", "grace_s = -inf",
     "grace_s = true", "posts_per_s_per_case = nan",
     "requests_per_s_per_card = -0.5", f"drain_s = {10 ** 400}", "threads = true", "workers = 1.5",
     "upload_bytes = 99999999999999999999"],
)  # fmt: skip
def test_number_in_the_file_that_cannot_be_meant_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "escrow.toml"
    file.write_text(line + "\n")
    with refuses(SetupError, "setting_malformed", setting=line.split()[0]):
        load_settings(GIVEN | {"ESCROW_CONFIG": str(file)})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8321", "http://[::1]:8321", "https://escrow.example/a/b"])
def test_url_with_port_or_path_is_taken(url: str) -> None:
    assert load_settings(GIVEN | {"ESCROW_PUBLIC_URL": url}).public_url == url


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9464", "[::1]:9464", "localhost:9464", "10.1.2.3:9464", "[fd00::1]:9464"]
)
def test_metrics_are_served_on_loopback_or_inside(address: str) -> None:
    assert load_settings(GIVEN | {"ESCROW_METRICS_BIND": address}).metrics_bind == address


def test_metrics_are_served_nowhere_unless_asked_for() -> None:
    assert load_settings(GIVEN).metrics_bind is None


def test_misspelt_setting_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "escrow.toml"
    file.write_text('public_uri = "https://escrow.example"\n')
    with refuses(SetupError, "setting_unknown", setting="public_uri"):
        load_settings(GIVEN | {"ESCROW_CONFIG": str(file)})


@pytest.mark.parametrize("text", ["workers = ", "\xff"])
def test_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "escrow.toml"
    file.write_bytes(text.encode("latin-1"))
    with refuses(SetupError, "config_unreadable", path=str(file)):
        load_settings(GIVEN | {"ESCROW_CONFIG": str(file)})


def test_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "escrow.toml"
    card = str(build.CONVENOR.card)
    file.write_text(f'workers = 4\nthreads = 3\nconvenors = ["{card}"]\n')
    found = load_settings(GIVEN | {"ESCROW_CONFIG": str(file), "ESCROW_WORKERS": "9"})
    assert (found.workers, found.threads, found.convenors) == (9, 3, (card,))
    assert (found.upload_bytes, found.store) == (10 * 1024**3, Path("/srv/escrow"))
    assert load_settings(GIVEN | {"ESCROW_CONVENORS": "open"}).convenors is None
    assert load_settings(GIVEN | {"ESCROW_CONVENORS": f"{card} {card}"}).convenors == (card, card)


S3 = {key: value for key, value in GIVEN.items() if key != "ESCROW_STORE"} | {
    "ESCROW_S3_ENDPOINT": "https://s3.example:9000"
}


def test_folder_and_buckets_at_once_are_refused() -> None:
    with refuses(SetupError, "setting_conflict", first="store", second="s3_endpoint"):
        load_settings(S3 | {"ESCROW_STORE": "/srv/escrow"})


def test_neither_folder_nor_buckets_is_refused() -> None:
    with refuses(SetupError, "setting_missing", setting="store", variable="ESCROW_STORE"):
        load_storage({})


def test_buckets_without_a_server_are_refused() -> None:
    with refuses(SetupError, "setting_missing", setting="s3_endpoint", variable="ESCROW_S3_ENDPOINT"):
        load_storage({"ESCROW_S3_BUCKETS": "escrow"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("s3_endpoint", "s3.example"),
        ("s3_endpoint", "https://s3.example/"),
        ("s3_public_endpoint", "ftp://s3.example"),
        ("s3_endpoint", "http://[::1"),
        ("s3_endpoint", "http://127.0.0.1:99999"),
        ("s3_public_endpoint", "https://:9000"),
        ("s3_buckets", "Escrow"),
        ("s3_buckets", "-"),
        ("s3_lock", "legal"),
    ],
)
def test_s3_setting_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    with refuses(SetupError, "setting_malformed", setting=name):
        load_storage(S3 | {f"ESCROW_{name.upper()}": value})


def test_scripts_read_where_everything_is_kept_and_ask_for_nothing_else() -> None:
    found = load_storage({"ESCROW_S3_ENDPOINT": "http://127.0.0.1:9000", "ESCROW_S3_LOCK": "compliance"})
    assert found == S3Settings(endpoint="http://127.0.0.1:9000", lock="compliance")
    assert load_settings(S3).store == S3Settings(endpoint="https://s3.example:9000")


def test_new_identity_is_for_its_owner_only_and_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "service.key"
    card = create_service_identity(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_service_identity(path).card == card


def test_identity_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "service.key"
    path.write_text("something else")
    with refuses(SetupError, "service_identity_exists", path=str(path)):
        create_service_identity(path)
    assert path.read_text() == "something else"


def test_identity_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with refuses(SetupError, "service_identity_unwritable"):
        create_service_identity(tmp_path / "nowhere" / "service.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_identity_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "service.key"
    create_service_identity(path)
    path.chmod(mode)
    with refuses(SetupError, "service_identity_exposed", mode=f"{mode:04o}"):
        load_service_identity(path)


@pytest.mark.parametrize("text", ["", "rubbish", "ESCROW-SECRET1QQQQ", "\xff"])
def test_identity_file_that_holds_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "service.key"
    path.touch(mode=0o600)
    path.write_bytes(text.encode("latin-1"))
    with refuses(SetupError, "service_identity_malformed"):
        load_service_identity(path)


def test_identity_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with refuses(SetupError, "service_identity_unreadable"):
        load_service_identity(tmp_path / "service.key")


def test_bounds_of_parts_are_those_of_the_store() -> None:
    for name in ("MIN_PART_BYTES", "MAX_PART_BYTES", "MAX_PARTS"):
        assert getattr(config, name) == getattr(interface, name)
