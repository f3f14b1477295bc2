"""A service's folder as `service init` makes it, and a folder store as `audit` reads it."""

import json
import socket
import tomllib
from pathlib import Path

import pytest
from cli.desk import Table
from support.office import Office
from support.parties import party

from escrow.config import S3Settings, load_settings


def test_init_makes_settings_that_serve_reads(table: Table) -> None:
    operator = table.person("operator")
    told = operator.json(
        "service", "init", "here", "--bind", "127.0.0.1:9000", "--url", "https://escrow.example/"
    )
    settings = load_settings({"ESCROW_CONFIG": told["settings"] if told["settings"].startswith("/")
                              else str(operator.folder / told["settings"])})  # fmt: skip
    assert settings.public_url == "https://escrow.example"
    assert settings.bind == "127.0.0.1:9000"
    assert settings.convenors is None
    assert settings.service_identity.stat().st_mode & 0o777 == 0o600


def test_convenors_are_listed_by_their_cards(table: Table) -> None:
    card = str(party("institution").card)
    table.person("operator").type("service", "init", "here", "--convenor", card)
    text = (table.person("operator").folder / "here" / "service.toml").read_text()
    assert tomllib.loads(text)["convenors"] == [card]


def test_init_never_replaces_a_service(table: Table) -> None:
    operator = table.person("operator")
    operator.type("service", "init", "here")
    before = (operator.folder / "here" / "identity").read_text()
    assert operator.refused("service", "init", "here", status=8) == "file_exists"
    (operator.folder / "here" / "service.toml").unlink()
    assert operator.refused("service", "init", "here", status=8) == "service_identity_exists"
    assert (operator.folder / "here" / "identity").read_text() == before


def test_serve_without_settings_says_which_is_missing(table: Table) -> None:
    assert table.person("operator").refused("serve", status=8) == "setting_missing"


def test_serve_on_an_address_in_use_says_so_and_not_that_it_serves(table: Table) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        operator = table.person("operator")
        operator.type("service", "init", "here", "--bind", address)
        told = operator.type("serve", "here", status=8)
    assert f"error: {address} is in use by another program." in told.stderr
    assert "ESCROW_BIND" in told.stderr
    assert "Serving" not in told.stderr + told.stdout


def test_metrics_on_an_address_in_use_name_their_own_setting(table: Table) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        operator = table.person("operator")
        operator.type("service", "init", "here", "--bind", "127.0.0.1:0", "--url", "https://escrow.example")
        with (operator.folder / "here/service.toml").open("a") as settings:
            settings.write(f'metrics_bind = "{address}"\n')
        told = operator.type("serve", "here", status=8)
    assert f"error: {address} is in use by another program." in told.stderr
    assert "ESCROW_METRICS_BIND" in told.stderr
    assert "Serving" not in told.stderr + told.stdout


@pytest.mark.parametrize("name", ["", "service.toml"])
def test_serve_from_where_everybody_may_write_is_refused(table: Table, name: str) -> None:
    operator = table.person("operator")
    operator.type("service", "init", "here")
    exposed = operator.folder / "here" / name
    exposed.chmod(exposed.stat().st_mode | 0o002)
    assert operator.refused("serve", "here", status=8) == "service_folder_exposed"


@pytest.mark.parametrize("address", ["203.0.113.1:8321", "no.such.host.invalid:8321", "[fe80::1]:8321"])
def test_serve_on_an_address_of_another_machine_is_refused(table: Table, address: str) -> None:
    operator = table.person("operator")
    operator.type("service", "init", "here", "--bind", address, "--url", "https://escrow.example")
    assert operator.refused("serve", "here", status=8) == "address_unusable"


def test_a_folder_without_cases_is_not_called_sound(table: Table) -> None:
    operator = table.person("operator")
    (operator.folder / "empty").mkdir()
    assert operator.refused("audit", "empty", status=8) == "store_folder_empty"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder store with one case and one record, as a service left it."""
    office = Office(tmp_path)
    office.deposited(office.accepted())
    return tmp_path / "store"


def test_a_store_as_the_service_left_it_is_sound(table: Table, store: Path) -> None:
    told = table.person("operator").json("audit", str(store))
    assert [(one["sound"], one["records"]) for one in told["cases"]] == [(True, 1)]


def test_an_audit_of_a_folder_finds_what_was_changed_in_it(table: Table, store: Path) -> None:
    payload = next(path for path in store.rglob("payloads/*/*") if path.is_file())
    raw = bytearray(payload.read_bytes())
    raw[-1] ^= 1
    payload.chmod(0o600)
    payload.write_bytes(raw)
    told = json.loads(table.person("operator").type("--json", "audit", str(store), status=5).stdout)
    assert [fault["code"] for fault in told["cases"][0]["faults"]] == ["payload_changed"]


def test_an_audit_of_a_folder_finds_what_was_taken_out_of_it(table: Table, store: Path) -> None:
    entries = sorted(path for path in store.rglob("cases/*/entries/*") if path.is_file())
    entries[1].unlink()
    told = json.loads(table.person("operator").type("--json", "audit", str(store), status=5).stdout)
    assert told["cases"][0]["faults"][0]["code"] == "entries_missing"


S3 = ("--s3-endpoint", "https://minio.example:9000")


def test_init_for_s3_makes_settings_that_serve_reads(table: Table) -> None:
    operator = table.person("operator")
    operator.type(
        "service", "init", "here", *S3, "--s3-buckets", "three", "--s3-credentials", "service.json",
        "--s3-ca-file", "ca.pem", "--s3-lock", "compliance", "--s3-region", "eu-1",
        "--s3-public-endpoint", "https://files.example",
    )  # fmt: skip
    settings = load_settings({"ESCROW_CONFIG": str(operator.folder / "here/service.toml")})
    assert settings.store == S3Settings(
        endpoint="https://minio.example:9000", buckets="three", region="eu-1", lock="compliance",
        credentials=operator.folder / "service.json", ca_file=operator.folder / "ca.pem",
        public_endpoint="https://files.example",
    )  # fmt: skip


def test_init_for_s3_writes_only_what_was_said(table: Table) -> None:
    operator = table.person("operator")
    operator.type("service", "init", "here", *S3)
    text = (operator.folder / "here/service.toml").read_text()
    assert {name for name in tomllib.loads(text) if name.startswith("s3_")} == {"s3_endpoint", "s3_buckets"}
    assert "store" not in tomllib.loads(text)


def test_s3_settings_without_a_server_are_refused_and_not_forgotten(table: Table) -> None:
    operator = table.person("operator")
    told = operator.type("service", "init", "here", "--s3-buckets", "three", status=2)
    assert "--s3-endpoint" in told.stderr
    assert not (operator.folder / "here").exists()


@pytest.mark.parametrize(
    "bad",
    [("--s3-endpoint", "minio.example"), (*S3, "--s3-buckets", "UPPER"), (*S3, "--s3-public-endpoint", "x")],
)
def test_s3_settings_that_no_service_would_start_with_make_no_folder(
    table: Table, bad: tuple[str, ...]
) -> None:
    operator = table.person("operator")
    assert operator.refused("service", "init", "here", *bad, status=8) == "setting_malformed"
    assert not (operator.folder / "here").exists()
