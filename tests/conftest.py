"""Ends every run with the list of what this machine could not test (see support/machine.py), and one
that ran the documents' commands with those that no test runs (see support/guides.py). Long rooms come first
(see support/shares.py).
"""

from typing import Any

import pytest
from support import guides, shares
from support.ceph import ceph_server
from support.minio import minio_plots, minio_server, site

__all__ = ["ceph_server", "minio_plots", "minio_server", "site"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=shares.rank)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> shares.Shares:
    return shares.Shares(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}
    if reasons:
        terminalreporter.section("NOT TESTED ON THIS MACHINE", sep="!")
        for reason in sorted(reasons):
            terminalreporter.line(reason)
    if any("tests/guides/" in str(report.nodeid) for report in terminalreporter.stats.get("passed", [])):
        marked = guides.not_run()
        terminalreporter.section(f"{len(marked)} BLOCKS OF COMMANDS IN DOCUMENTS ARE NOT RUN", sep="!")
        for line in marked:
            terminalreporter.line(line)
