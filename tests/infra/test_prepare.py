"""infra/prepare, which runs as root in folders that belong to others once it has run."""

import subprocess
from pathlib import Path

import pytest
from support import machine

PREPARE = Path(__file__).parents[2] / "infra/prepare"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    machine.require_root("root")
    found = tmp_path / "shadow"
    found.write_text("root's own")
    found.chmod(0o640)
    return found


def prepare(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PREPARE, folder], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["tls/key.pem", "tls/certificate.pem", "admin/root.env", "admin/root.new"])
def test_link_that_the_owner_of_a_folder_put_there_gives_no_file_of_roots_away(
    tmp_path: Path, victim: Path, name: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert prepare(data).returncode == 0
    (data / "admin/root.json").unlink()  # so that a credential is drawn again
    (data / name).unlink(missing_ok=True)
    (data / name).symlink_to(victim)
    done = prepare(data)
    assert (done.returncode, f"{name} is a link" in done.stderr) == (1, True)
    kept = victim.stat()
    assert (kept.st_uid, kept.st_mode & 0o777, victim.read_text()) == (0, 0o640, "root's own")
