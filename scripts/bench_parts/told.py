"""How every part of the bench tells its figures: to people, or as JSON for the page that is made of it."""

import json
from collections.abc import Mapping
from typing import Any

Limits = Mapping[str, tuple[str, float]]
"""Of a figure's name: "<=" or ">=", and the promise."""


def show(figures: Mapping[str, float], limits: Limits, *, as_json: bool, **more: Any) -> None:
    """`more` is for the plots, and in the JSON alone."""
    if as_json:
        print(json.dumps({"limits": limits, "figures": figures} | more, indent=2))
        return
    for name, value in figures.items():
        promise = "   {} {}".format(*limits[name]) if name in limits else ""
        print(f"{name:>20} {value:>10.3f}{promise}")
