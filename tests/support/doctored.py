"""What `escrow doctor` finds, as the tests ask for it: by state, and by code."""

from collections.abc import Mapping
from pathlib import Path

from support import build

from escrow.admin.doctor import examine
from escrow.admin.finding import Finding, State
from escrow.words import describe


class Found:
    """All findings; every one with a code has words that name nothing they lack."""

    def __init__(self, findings: list[Finding]) -> None:
        self.all = findings
        for one in findings:
            if one.error is not None:
                words = describe(one.error)
                assert "?" not in words.detail + words.remedy, one

    def codes(self, state: State) -> list[str]:
        return [one.error.code for one in self.all if one.state is state and one.error is not None]

    @property
    def faults(self) -> list[str]:
        return self.codes(State.FAULT)

    @property
    def warnings(self) -> list[str]:
        return [code for code in self.codes(State.WARNING) if code != "doctor_root"]

    def words(self, code: str) -> str:
        """What a person reads."""
        (one,) = (one.error for one in self.all if one.error is not None and one.error.code == code)
        words = describe(one)
        return f"{words.detail} {words.remedy}"

    def good(self, area: str) -> str:
        return "\n".join(one.text for one in self.all if one.state is State.OK and one.area == area)


def doctored(folder: Path, more: Mapping[str, object] = {}, **settings: object) -> Found:
    """The doctor's findings for the service over `folder` (support/running.py). `more`: other variables."""
    key = folder / "service.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(build.SERVICE.dump())
    values = {"public_url": "http://127.0.0.1:9", "store": folder / "store", "service_identity": key}
    values |= {"bind": "127.0.0.1:9"} | settings
    environ = {f"ESCROW_{name.upper()}": str(value) for name, value in values.items() if value is not None}
    return Found(list(examine(environ | {name: str(value) for name, value in more.items()})))
