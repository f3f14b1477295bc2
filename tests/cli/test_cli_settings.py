"""`escrow settings`, and the page that is made of it: complete, true to the code, and up to date."""

from dataclasses import fields
from pathlib import Path

import pytest
from cli.desk import Table

from escrow.config import S3Settings, Settings, bounds, load_settings
from escrow.errors import SetupError

PAGE = Path(__file__).parents[2] / "infra/guides/settings.md"


def test_every_setting_is_told_with_its_meaning(table: Table) -> None:
    told = {row["name"]: row for row in table.person("operator").json("settings")["settings"]}
    own = [field.name for field in fields(Settings)]
    assert list(told) == [*own[:2], *(f"s3_{field.name}" for field in fields(S3Settings)), *own[2:]]
    assert all(len(row["meaning"]) > 20 for row in told.values())


def test_bounds_that_are_told_are_those_that_hold(table: Table, tmp_path: Path) -> None:
    environ = {"ESCROW_PUBLIC_URL": "https://a.example", "ESCROW_STORE": "s", "ESCROW_SERVICE_IDENTITY": "i"}
    rows = [row for row in table.person("operator").json("settings")["settings"] if row["most"] is not None]
    assert [row["name"] for row in rows] == [one.name for one in fields(Settings) if bounds(one.name)]
    for row in rows:
        load_settings(environ | {row["variable"]: str(row["default"])})
        with pytest.raises(SetupError) as caught:
            load_settings(environ | {row["variable"]: str(int(row["most"]) + 1)})
        assert caught.value.fields["setting"] == row["name"]


def test_variable_that_is_told_goes_before_the_file(table: Table, tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    lines = ('public_url = "https://a.example"', 'store = "s"', 'service_identity = "i"', "threads = 3")
    file.write_text("\n".join(lines))
    (row,) = (
        one for one in table.person("operator").json("settings")["settings"] if one["name"] == "threads"
    )
    assert load_settings({"ESCROW_CONFIG": str(file)}).threads == 3
    assert load_settings({"ESCROW_CONFIG": str(file), row["variable"]: "5"}).threads == 5


def test_page_is_what_the_command_prints(table: Table) -> None:
    assert PAGE.read_text() == table.person("operator").type("settings").stdout
