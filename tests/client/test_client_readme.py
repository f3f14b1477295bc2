"""The README names every call, and what it says of errors is so. (Its example is run by tests/guides.)"""

import inspect
import re
from pathlib import Path

import escrow
import escrow.client
from escrow.words import WORDS


def test_every_call_of_a_session_is_documented_where_it_stands_and_in_the_readme() -> None:
    readme = Path(escrow.client.__file__).with_name("README.md").read_text()
    calls = readme.partition("\n## Calls\n")[2].partition("\n## ")[0]
    told = set(re.findall(r"`(?:with )?([a-z_]+)", calls))
    for name, member in inspect.getmembers(escrow.client.Session):
        if not name.startswith("_"):
            assert inspect.getdoc(member), name
            assert name in told, name


def test_every_public_name_is_documented_with_its_methods() -> None:
    for name in escrow.client.__all__:
        public = getattr(escrow.client, name)
        assert public.__doc__, name
        for method, member in vars(public).items() if inspect.isclass(public) else ():
            if not method.startswith("_") and (
                callable(member) or isinstance(member, classmethod | property)
            ):
                of_protocol = getattr(escrow.client.Courier, method, None)
                assert inspect.getdoc(getattr(public, method)) or of_protocol.__doc__, f"{name}.{method}"


def test_errors_that_the_readme_names_are_errors() -> None:
    readme = Path(escrow.client.__file__).with_name("README.md").read_text()
    calls = readme.partition("\n## Calls\n")[2].partition("\n## ")[0]
    column = " ".join(line.split("|")[3] for line in calls.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`([a-z_]+_[a-z_]+[a-z])`", column))
    assert named
    assert named <= set(WORDS), named - set(WORDS)


def test_types_go_with_the_wheel() -> None:
    assert Path(escrow.__file__).with_name("py.typed").exists()
