"""infra/systemd: the units are sound, and what they start works with the rights that they leave."""

import re
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.confined import command
from support.machine import require_program
from support.standing import REPOSITORY, Standing, require_containers

pytestmark = pytest.mark.timeout(600)
UNITS = REPOSITORY / "infra/systemd"


def test_unit_that_systemd_would_complain_about_is_not_shipped(image: Path, tmp_path: Path) -> None:
    require_containers()
    analyze = require_program("systemd-analyze", "apt-get install systemd")
    units = " ".join(shlex.quote(str(path)) for path in sorted(UNITS.iterdir()))
    lines = (
        f"mount --bind {image}/opt /opt",  # where the units expect the repository
        f"{analyze} verify --man=no {units}",
    )
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(lines)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_the_timer_starts_publishes_as_somebody_without_rights(
    standing: Standing, tmp_path: Path
) -> None:
    unit = (UNITS / "escrow-release.service").read_text()
    (words,) = re.findall(r"(?m)^ExecStart=(.*)$", unit)
    spec = standing.site.spec("release", shlex.split(words))
    settings = [
        (str(standing.data / "service/service.toml"), "/etc/escrow/service.toml", False),
        (str(standing.data / "credentials/release.json"), "/etc/escrow/release.json", False),
    ]
    env = {name: value for name, value in spec.env.items() if not name.startswith("ESCROW_")}
    done = subprocess.run(
        command(replace(spec, binds=settings, env=env), tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_exit_codes_that_the_unit_names_are_those_of_the_script() -> None:
    from escrow.cli.release_script import EPILOG

    said = re.search(r"# Exit codes are .*", (UNITS / "escrow-release.service").read_text())
    assert said is not None
    for code in re.findall(r"\b(\d) ", said[0]):
        assert re.search(rf"(?m)(^|[ :]){code} [a-z]", EPILOG), code
