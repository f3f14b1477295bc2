"""The commands of a guide, as they stand in it."""

import re
from pathlib import Path

STEP = re.compile(r"(?:^ {4}.*\n|^\n(?= {4}))+", re.MULTILINE)


def blocks(path: Path, heading: str) -> list[str]:
    """Every indented block of one section."""
    _, found, rest = path.read_text().partition(f"\n{heading}\n")
    assert found, f"{path.name} has no section {heading!r}"
    section = rest.partition("\n## ")[0] + "\n"
    return [re.sub(r"(?m)^ {4}", "", block) for block in STEP.findall(section)]
