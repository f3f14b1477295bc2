"""The Dockerfile: what its steps make in an empty folder, and that it builds what the scripts build."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support import dockerfile
from support.machine import require_program
from support.standing import REPOSITORY

from escrow.admin.minio_program import MC, MINIO

pytestmark = pytest.mark.timeout(600)
STAGES = dockerfile.read()


def files(root: Path) -> set[str]:
    return {
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("name", ["build", "minio-build", "escrow"])
def test_base_that_could_change_under_its_tag_is_not_used(name: str) -> None:
    assert re.fullmatch(r"[a-z]+:[0-9][a-z0-9.-]+@sha256:[0-9a-f]{64}", STAGES[name].base)


@pytest.mark.parametrize("name", ["escrow", "minio"])
def test_image_that_runs_as_root_is_not_made(name: str) -> None:
    assert STAGES[name].one("USER") == "65532:65532"


def test_last_stage_is_the_service(  # `docker build .` makes it
) -> None:
    assert list(STAGES)[-1] == "escrow"
    assert dockerfile.words(STAGES["escrow"].one("CMD")) == ["escrow", "serve", "/srv/service"]


def test_uv_of_the_image_is_that_of_the_repository() -> None:
    (version,) = re.findall(r"(?m)^uv_version=(\S+)$", (REPOSITORY / "scripts/setup").read_text())
    assert f"uv=={version}" in STAGES["build"].all("RUN")[0]


def test_key_history_or_test_gets_into_no_build(tmp_path: Path) -> None:
    given = dockerfile.context()
    assert {name.split("/")[0] for name in given} == {
        "pyproject.toml", "uv.lock", "README.md", "LICENSE", "escrow", "scripts", "infra",
    }  # fmt: skip
    for name in (
        ".git/config",
        "tests/golden/v1/delta/.escrow/identity",
        ".env",
        "service/identity",
        ".venv/x",
    ):
        assert dockerfile.ignored(name), name


def test_image_holds_the_program_and_nothing_that_made_it(image: Path) -> None:
    found = files(image / "opt/escrow")
    assert {name for name in found if not name.startswith(".venv/")} == {
        "infra/every.py", "scripts/in_venv.py", "scripts/release.py", "scripts/audit.py", "scripts/sweep.py",
        *(f"infra/policies/{path.name}" for path in (REPOSITORY / "infra/policies").iterdir()),
    }  # fmt: skip
    packages = "\n".join(found)
    for needless in ("pytest", "hypothesis", "moto", "hatchling", "site-packages/pip/", "bin/uv\n"):
        assert needless not in packages
    for needed in ("escrow/wsgi.py", "gunicorn/", "boto3/", "minio/", "escrow/__pycache__/wsgi"):
        assert f"site-packages/{needed}" in packages
    assert not any("editable" in name for name in found)


def test_nothing_in_the_image_can_be_changed_by_its_user(image: Path) -> None:
    """Even where the root is not read-only."""
    for path in (image / "opt/escrow").rglob("*"):
        if not path.is_symlink():
            found = path.stat()
            assert found.st_uid == 0, path
            assert not found.st_mode & (stat.S_IWOTH | stat.S_IWGRP | stat.S_ISUID | stat.S_ISGID), path


def test_minio_of_the_image_is_what_the_scripts_build(tmp_path: Path) -> None:
    """The very step, with Go's own cache: `scripts/minio install` has filled it."""
    require_program("go", "install Go")
    (step,) = STAGES["minio-build"].all("RUN")
    assert re.findall(r"github\.com/\S+", step) == [MINIO, MC]
    env = os.environ | STAGES["minio-build"].env | {"GOBIN": str(tmp_path)}
    subprocess.run(["/bin/sh", "-c", step], check=True, env=env, cwd=tmp_path, capture_output=True)
    for name in ("minio", "mc"):
        assert shutil.which(tmp_path / name)
        linked = subprocess.run(["ldd", tmp_path / name], capture_output=True, text=True, check=False)
        assert "not a dynamic executable" in linked.stderr  # it runs where there is nothing else
