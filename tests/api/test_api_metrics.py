"""Metrics in one process: labels that are written down, listeners that fail, files without room.

How many processes add up is system/test_metrics.py.
"""

import errno
import io
import os
import re
from itertools import product
from pathlib import Path

import pytest
from flask import Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from structlog.testing import capture_logs
from support.office import Office, office_settings
from support.refusals import refuses
from support.scraping import Scrape

from escrow import wsgi
from escrow.api import metrics_folder as folders
from escrow.api import metrics_server
from escrow.api.app import create_app
from escrow.api.bodies import Body
from escrow.api.counting import Counting
from escrow.api.metrics import _S3_OUTCOMES, REQUEST_BUCKETS, S3_BUCKETS, Metrics
from escrow.api.metrics_folder import MetricsFolder, metrics_folder
from escrow.api.storage_log import StorageLog
from escrow.api.transfers import LONG, Transfers
from escrow.api.watching import Answered, LongTransfers, Refused, Watchers
from escrow.errors import SetupError, UnavailableError
from escrow.model.deeds import DEEDS
from escrow.service.watching import PayloadCompleted, StatementPosted
from escrow.store.folder import FolderStore
from escrow.store.interface import Bucket, Outcome
from escrow.store.watching import AppendTried, S3Call, Seen
from escrow.words import WORDS

STRANGE = "fe" * 32
"""What could be an id, where a word of this program is expected."""


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry)


def scraped(registry: CollectorRegistry) -> Scrape:
    return Scrape(generate_latest(registry).decode())


def s3_call(**facts: object) -> S3Call:
    values = {
        "bucket": Bucket.LEDGER,
        "operation": "put_object",
        "outcome": "ok",
        "seconds": 0.004,
        "retries": 0,
    }
    return S3Call(**values | facts)  # type: ignore[arg-type]


# --- labels -------------------------------------------------------------------------------------------------


def test_word_that_others_chose_is_no_label(metrics: Metrics, registry: CollectorRegistry) -> None:
    """A storage server's codes, a statement's kind, a reason out of storage."""
    metrics(s3_call(outcome=STRANGE, failed=True))
    metrics(StatementPosted(kind=STRANGE, outcome="refused"))
    metrics(Refused(code="storage_failed", reason=STRANGE, damage=True))
    metrics(Refused(code=STRANGE, reason=None, damage=True))
    found = scraped(registry)
    assert STRANGE not in found.text
    assert found.sum("escrow_s3_calls_total", outcome="other") == 1
    assert found.sum("escrow_appends_total", kind="other") == 1
    assert found.sum("escrow_storage_errors_total", code="storage_failed", reason="other") == 1
    assert found.sum("escrow_storage_errors_total", code="other", reason="none") == 1


def test_statuses_are_counted_by_class(metrics: Metrics, registry: CollectorRegistry) -> None:
    for status in (200, 201, 404, 409, 503):
        metrics(Answered(route="/x", method="GET", status=status, seconds=0.1, received=0))
    found = scraped(registry)
    classes = {dict(labels)["status"] for name, labels in found.series if name == "escrow_requests_total"}
    assert classes == {"2xx", "4xx", "5xx"}


def test_retries_and_the_clock_are_counted_where_there_are_any(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    metrics(s3_call())
    assert scraped(registry).sum("escrow_s3_retries_total") == 0
    metrics(s3_call(retries=2, clock_ahead_s=-7.5))
    found = scraped(registry)
    assert found.sum("escrow_s3_retries_total", operation="put_object") == 2
    assert found.sum("escrow_storage_clock_difference_seconds") == -7.5


def test_all_labels_together_have_room_in_a_workers_files(tmp_path: Path) -> None:
    """M2. The most that any worker can ever count, had it met everything."""
    routes = [str(rule) for rule in Office(tmp_path).app.url_map.iter_rules()] + ["unknown"]
    methods = ["GET", "HEAD", "POST", "PUT", "OPTIONS", "other"]
    source = "".join(path.read_text() for path in Path("escrow/store").glob("s3*.py"))
    calls = set(re.findall(r'"((?:put|get|head|list|create|upload|complete|abort)_[a-z_0-9]+)"', source))
    assert len(calls) > 10
    words = len(set(_S3_OUTCOMES.values())) + 1
    assert fits("counter", [
        *(("escrow_requests", route, method, "2xx") for route, method in product(routes, methods)) ,
        *(("escrow_requests", route, method, "4xx") for route, method in product(routes, methods)),
        *(("escrow_requests", route, method, "5xx") for route, method in product(routes, methods)),
        *(("escrow_s3_calls", call, "records", str(n)) for call in calls for n in range(words)),
        *(("escrow_problems", code) for code in WORDS),
        *(("escrow_appends", kind, str(n)) for kind in DEEDS for n in range(9)),
    ])  # fmt: skip
    assert fits("histogram", [
        *(("escrow_request_seconds", route, method, str(le))
          for route, method in product(routes, methods) for le in range(len(REQUEST_BUCKETS) + 2)),
        *(("escrow_s3_call_seconds", call, str(le)) for call in calls for le in range(len(S3_BUCKETS) + 2)),
    ])  # fmt: skip


def fits(kind: str, series: list[tuple[str, ...]]) -> bool:
    """Whether that many keys take at most the room that is reserved. A help text has 60 letters at most."""
    size = sum(
        len(mmap_key(name, f"{name}_bucket", [f"label {n}__" for n in range(len(values))],
                     list(values), "x" * 60)) + 32
        for name, *values in series
    )  # fmt: skip
    return size <= folders._ROOM[kind]


# --- what fails ---------------------------------------------------------------------------------------------


def test_listener_that_fails_harms_no_request_and_is_not_asked_again(tmp_path: Path) -> None:
    asked: list[Seen] = []

    def broken(seen: Seen) -> None:
        asked.append(seen)
        raise ValueError(STRANGE)

    heard: list[Seen] = []
    watch = Watchers(broken, heard.append)
    store = FolderStore(tmp_path / "store")
    store.check()
    app = create_app(office_settings(tmp_path), store, watch=watch)
    with capture_logs() as lines:
        assert app.test_client().get("/readyz").status_code == 200
    assert len(asked) == 1
    assert len(heard) > 1
    (line,) = [line for line in lines if line["event"] == "listener_failed"]
    assert (line["kind"], line["exception"]) == ("RequestBegan", "ValueError")
    assert STRANGE not in str(lines)


def test_request_that_breaks_is_no_longer_under_way(
    tmp_path: Path, metrics: Metrics, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path / "store")
    store.check()
    app = create_app(office_settings(tmp_path), store, watch=metrics)
    monkeypatch.setattr(FolderStore, "get", lambda *_, **__: 1 // 0)
    assert app.test_client().get("/readyz").status_code == 500
    found = scraped(registry)
    assert found.sum("escrow_requests_in_flight") == 0
    assert found.sum("escrow_problems_total", code="internal_error") == 1
    assert found.sum("escrow_requests_total", status="5xx") == 1


def test_transfer_refused_for_want_of_room_is_not_counted_as_one() -> None:
    seen: list[Seen] = []
    transfers = Transfers(3, watch=seen.append)
    with transfers.receiving(LONG + 1), refuses(UnavailableError, "service_busy"):
        transfers.take()
    assert seen == [LongTransfers(change=1), LongTransfers(change=-1)]


# --- the folder ---------------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folders.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # is put back after the test
    return tmp_path


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_room_at_the_start_is_said_and_leaves_nothing(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    with refuses(SetupError, "metrics_folder_unusable", reason="No space left on device"), metrics_folder():
        raise AssertionError("there is no room")
    assert list(room.iterdir()) == []


def test_worker_without_room_serves_on_and_counts_nothing(
    room: Path, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watchers(metrics)

    class Worker:
        pid = 4711

    class Process:
        def leave(self) -> None: ...

    with metrics_folder() as folder, capture_logs() as lines:
        monkeypatch.setattr(os, "posix_fallocate", full)
        Counting("", folder, metrics, Process(), watch).post_worker_init(Worker())  # type: ignore[arg-type]
        assert list(folder.path.glob("*_4711.*")) == []
    assert watch._listeners == ()
    assert [line["event"] for line in lines] == ["metrics_not_counted"]


def test_folder_in_use_is_not_taken_away_and_one_that_was_left_is(room: Path) -> None:
    left = room / f"{folders.PREFIX}left"
    left.mkdir()
    (left / "counter_1.db").write_bytes(b"x")
    with metrics_folder() as first, metrics_folder() as second:
        assert first.path.exists()
        assert second.path.exists()
        assert not left.exists()
    assert list(room.iterdir()) == []


def test_link_in_place_of_a_folder_is_not_followed(room: Path) -> None:
    precious = room / "precious"
    precious.mkdir()
    (precious / "file").touch()
    (room / f"{folders.PREFIX}link").symlink_to(precious)
    with metrics_folder():
        pass
    assert (precious / "file").exists()


def test_dead_worker_is_not_buried_while_somebody_reads(room: Path) -> None:
    with metrics_folder() as folder:
        folder.reserve(4711)
        folder.reserve(4712)
        with folder.reading():
            folder.bury(4711)
            assert (folder.path / "counter_4711.db").exists()
            assert not (folder.path / "gauge_livesum_4711.db").exists()
        folder.bury(4712)
        assert list(folder.path.glob("*_471*.db")) == []


def test_worker_with_the_id_of_a_dead_one_takes_no_count_away(room: Path) -> None:
    with metrics_folder() as folder:
        folder.reserve(4711)
        counted = MmapedDict(str(folder.path / "counter_4711.db"))
        counted.write_value(KEY, 5.0, 0.0)
        counted.close()
        with folder.reading():
            folder.bury(4711)
        folder.reserve(4711)
        folder.bury(4712, alive=[4711])
        assert (folder.path / "counter_4711.db").exists()
        again = MmapedDict(str(folder.path / "counter_4711.db"))
        again.write_value(KEY, again.read_value(KEY)[0] + 1.0, 0.0)
        again.close()
        folder.bury(4711)
        found = dict(total_of_the_dead(folder))
    assert found == {KEY: 6.0}


KEY = mmap_key("x", "x_total", [], [], "Some counter")


def total_of_the_dead(folder: MetricsFolder) -> list[tuple[str, float]]:
    read = MmapedDict.read_all_values_from_file(str(folder.path / "counter_0.db"))
    return [(key, value) for key, value, *_ in read]


def test_metrics_that_another_server_could_not_serve_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = office_settings(tmp_path, metrics_bind="127.0.0.1:9464")
    monkeypatch.setattr(wsgi, "load_settings", lambda _: settings)
    monkeypatch.setattr(wsgi, "configure_logs", lambda: None)
    with refuses(SetupError, "metrics_not_by_this_server"):
        wsgi.make_app()


# --- the log ------------------------------------------------------------------------------------------------


def said(*seen: Seen) -> list[dict[str, object]]:
    storage_log = StorageLog(slow_s=1.0)
    with capture_logs() as lines:
        for one in seen:
            storage_log(one)
    return [dict(line) for line in lines]


def test_call_that_went_well_or_as_expected_is_not_said() -> None:
    assert said(s3_call(), s3_call(outcome="PreconditionFailed"), s3_call(seconds=0.99)) == []


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        ({"outcome": "unreachable", "failed": True}, "warning"),
        ({"retries": 1}, "info"),
        ({"seconds": 1.0}, "info"),
    ],
)
def test_call_that_failed_was_repeated_or_took_long_is_said(facts: dict[str, object], level: str) -> None:
    (line,) = said(s3_call(**facts))
    assert line["event"] == "storage_call"
    assert line["log_level"] == level
    assert (line["operation"], line["bucket"]) == ("put_object", "ledger")
    assert line["slow"] == ("seconds" in facts)


def test_races_and_payloads_are_said() -> None:
    lines = said(
        AppendTried(attempt=1, outcome=Outcome.CREATED),
        AppendTried(attempt=2, outcome=Outcome.ALREADY_OTHER),
        PayloadCompleted(bytes=4096, seconds=0.25, outcome="ok"),
        PayloadCompleted(bytes=4096, seconds=0.25, outcome="forged"),
    )
    assert [line["event"] for line in lines] == [
        "append_conflict",
        "upload_completed",
        "upload_not_completed",
    ]
    assert (lines[1]["bytes"], lines[1]["ms"]) == (4096, 250.0)


# --- what is written about them -----------------------------------------------------------------------------


def served(registry: CollectorRegistry) -> dict[str, tuple[str, frozenset[str]]]:
    """Every metric by its whole name: its type and the names of its labels."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for metric in (one for one in vars(Metrics(registry)).values() if hasattr(one, "_labelnames")):
        whole = metric._name + ("_total" if metric._type == "counter" else "")
        found[whole] = (metric._type, frozenset(metric._labelnames))
    for family in metrics_server._Now(("127.0.0.1", 1)).collect():
        names = {name for sample in family.samples for name in sample.labels}
        found[family.name] = (family.type, frozenset(names))
    return found


def test_table_of_the_readme_lists_what_is_served_and_nothing_else(registry: CollectorRegistry) -> None:
    readme = Path(metrics_server.__file__).with_name("README.md").read_text()
    listed = {
        name: (kind, frozenset(filter(None, labels.split(", "))))
        for name, kind, labels in re.findall(r"^\| `(escrow_\w+)` \| (\w+) \| ([\w, ]*?) ?\|", readme, re.M)
    }
    assert listed == served(registry)


def test_alerts_are_about_metrics_that_are_served(registry: CollectorRegistry) -> None:
    alerts = (Path(__file__).parents[2] / "infra/alerts.yml").read_text()
    named = set(re.findall(r"\bescrow_\w+", alerts))
    known = served(registry)
    assert len(named) > 5
    assert {name.removesuffix("_bucket") for name in named} <= set(known)
    codes = set(re.findall(r'code="(\w+)"', alerts))
    assert codes <= set(WORDS)


class Socket(io.BytesIO):
    """A source that fills buffers, as escrow/api/worker.py has one."""

    def fill(self, view: memoryview) -> int:
        return self.readinto(view)


def test_bytes_of_an_upload_that_go_straight_into_a_buffer_are_counted() -> None:
    body = Body(Request({"CONTENT_LENGTH": "10", "wsgi.input": Socket(bytes(10))}))
    assert body.fill(memoryview(bytearray(4))) == 4
    assert len(body.read()) == 6
    assert body.taken == 10
