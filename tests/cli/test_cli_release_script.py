"""scripts/release.py as administrators meet it: words, exit codes, JSON; without --yes nothing is written."""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests/golden/v1/operator/service/store"
USAGE, NOT_FOUND, REFUSED, FORGED, SETUP, SOME_FAILED = 2, 6, 4, 5, 8, 9


@pytest.fixture
def store(tmp_path: Path) -> Path:
    shutil.copytree(KEPT, tmp_path / "store")
    return tmp_path / "store"


def release(store: Path, *words: str, status: int = 0) -> tuple[str, str]:
    """What it says on stdout and stderr."""
    return typed(*words, "--store", str(store), status=status)


def typed(*words: str, status: int = 0) -> tuple[str, str]:
    script = [sys.executable, str(ROOT / "scripts/release.py"), *words]
    done = subprocess.run(script, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == status, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    return done.stdout, done.stderr


def listed(store: Path) -> dict[str, tuple[str, str]]:
    """Case and request by standing."""
    rows = [json.loads(line) for line in release(store, "due", "--json")[0].splitlines()]
    return {row["standing"]: (row["case"], row["request"]) for row in rows}


def public(store: Path) -> list[str]:
    return sorted(path.name for path in (store / "public/releases").rglob("*") if path.is_file())


def test_release_for_a_named_reader_is_refused_by_name_even_without_yes(store: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    _, said = release(store, "publish", *listed(store)["to hand over"], "--log", str(log), status=REFUSED)
    assert "for named readers only" in said
    assert "hand CASE REQUEST" in said
    assert json.loads(log.read_text())["code"] == "not_for_everybody"


def test_unknown_case_and_request_are_told_apart(store: Path) -> None:
    case, _ = listed(store)["to publish"]
    assert "case" in release(store, "publish", "ffff", "ffff", status=NOT_FOUND)[1]
    assert "request" in release(store, "publish", case, "zz", status=NOT_FOUND)[1]


def test_case_with_a_missing_entry_is_damage_and_nothing_to_try_again(store: Path, tmp_path: Path) -> None:
    case, request = listed(store)["to hand over"]
    (store / "ledger/cases" / case / "entries/0000000001").unlink()
    _, said = release(store, "hand", case, request, "--out", str(tmp_path / "out"), "--json", status=FORGED)
    assert json.loads(said.splitlines()[-1])["error"]["code"] == "ledger_damaged"
    assert not (tmp_path / "out").exists()


def test_script_runs_its_own_checkouts_code_whichever_python_starts_it(tmp_path: Path) -> None:
    """The .venv that comes first in PATH may be another checkout's, with an Escrow of its own."""
    own, other = tmp_path / "own", tmp_path / "other"
    (own / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/in_venv.py", own / "scripts")
    (own / "scripts/which.py").write_text(
        "import in_venv\nin_venv.ensure()\nimport escrow\nprint(escrow.WHOSE)\n"
    )
    pythons = {}
    for folder in (own, other):
        venv.create(folder / ".venv", symlinks=True)
        (site,) = folder.glob(".venv/lib/python*/site-packages")
        (site / "escrow.py").write_text(f"WHOSE = {folder.name!r}\n")
        (site / "boto3.py").touch()
        pythons[folder.name] = folder / ".venv/bin/python"
    for python in pythons.values():
        words = [str(python), str(own / "scripts/which.py")]
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
        )
        assert (done.stdout, done.returncode) == ("own\n", 0), done.stderr


def test_case_that_is_damaged_is_named_and_the_other_is_published_all_the_same(store: Path) -> None:
    other = "0" * 64
    entries = store / "ledger/cases" / other / "entries"
    entries.mkdir(parents=True)
    (entries / "0000000000").write_bytes(b"not an entry")
    out, said = release(store, "publish", "--due", "--yes", status=SOME_FAILED)
    assert f"FAILED  {other[:12]}" in said
    assert out.startswith("published")
    assert "manifest" in public(store)


def test_two_cases_that_begin_alike_are_both_named(store: Path) -> None:
    case, request = listed(store)["to publish"]
    other = case[:4] + "0" * 60
    entries = store / "ledger/cases" / other / "entries"
    entries.mkdir(parents=True)
    (entries / "0000000000").write_bytes(b"not an entry")
    said = release(store, "hand", case[:4], request, "--out", str(store / "x"), status=REFUSED)[1]
    assert case in said
    assert other in said


def test_without_yes_it_says_what_and_where_and_writes_nothing(store: Path) -> None:
    out, said = release(store, "publish", "--due")
    assert f"to {store}/public" in out
    for item in ("document (82 bytes)", "payload", "bundle"):
        assert item in out
    assert "Nothing was written" in said
    assert public(store) == []


def test_published_once_and_then_nothing_is_to_do(store: Path, tmp_path: Path) -> None:
    case, request = listed(store)["to publish"]
    log = tmp_path / "log"
    line = json.loads(release(store, "publish", "--due", "--yes", "--json", "--log", str(log))[0])
    assert sorted(line["written"]) == public(store) == ["bundle", "document", "manifest", "payload"]
    assert json.loads(log.read_text()) == line
    assert release(store, "publish", "--due", "--yes") == ("", "Nothing is due.\n")
    assert release(store, "publish", case, request, "--yes")[0].startswith("was published already")


def test_tampered_document_is_named_by_who_has_only_a_copy(store: Path, tmp_path: Path) -> None:
    case, request = listed(store)["to publish"]
    release(store, "publish", "--due", "--yes")
    copy = tmp_path / "copy"
    shutil.copytree(store / "public/releases" / case / request, copy)
    holds = release(tmp_path / "nowhere", "check", case, request, "--from", str(copy))[0]
    assert "signed off by" in holds
    (copy / "document").write_bytes(b"They hate each other.")
    said = release(tmp_path / "nowhere", "check", case, request, "--from", str(copy), status=FORGED)[1]
    assert "document" in said


def test_folder_that_is_no_store_is_refused_and_not_taken_for_an_empty_one(
    store: Path, tmp_path: Path
) -> None:
    (tmp_path / "copy/escrow-ledger").mkdir(parents=True)
    for folder, code in ((store.parent, "store_is_inside"), (tmp_path / "copy", "store_folder_foreign")):
        said = release(folder, "due", "--json", status=SETUP)[1]
        assert json.loads(said)["error"]["code"] == code


def test_storage_of_which_nothing_is_due_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    assert release(tmp_path, "due") == ("", "Nothing has been released.\n")
    assert release(tmp_path, "publish", "--due", "--yes") == ("", "Nothing is due.\n")


def test_without_a_storage_it_says_which_options_name_one(tmp_path: Path) -> None:
    said = typed("due", status=SETUP)[1]
    assert "--config" in said
    assert "--store" in said


def test_two_storages_at_once_are_wrong_usage(store: Path, tmp_path: Path) -> None:
    release(store, "due", "--config", str(tmp_path / "service.toml"), status=USAGE)


def test_settings_that_are_not_there_are_told_from_settings_that_are_no_toml(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    assert "No such file" in typed("due", "--config", str(file), status=SETUP)[1]
    file.write_text("store = ")
    assert "as TOML: Invalid value" in typed("due", "--config", str(file), status=SETUP)[1]


def test_release_to_everybody_is_handed_with_words_for_it(store: Path, tmp_path: Path) -> None:
    said = release(store, "hand", *listed(store)["to publish"], "--out", str(tmp_path / "handed"))[1]
    assert "Anybody can open it" in said
