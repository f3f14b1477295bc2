"""What a scrape says, by series."""

import time
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families
from support.running import Running

SOON_S = 20
"""What has not come by then never will."""

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    """One answer of /metrics. `series`: names and labels with their values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.series: Series = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def sum(self, name: str, **labels: str) -> float:
        """Of all series of this name with these labels."""
        wanted = set(labels.items())
        return sum(value for (found, has), value in self.series.items() if found == name and wanted <= {*has})


def scrape(service: Running) -> Scrape:
    return Scrape(service.scrape())


def scrape_until(service: Running, holds: Callable[[Scrape], bool]) -> Scrape:
    """The first scrape of which this holds."""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        try:
            found = scrape(service)
        except OSError:  # the process that serves it has ended, and the next has not begun
            time.sleep(0.1)
            continue
        if holds(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came to be:\n{service.log.read_text()[-4000:]}")
