"""A receiver, and a service whose operator lets webhooks reach this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.office import Office
from support.receiver import Receiver, receiving


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with receiving(tmp_path / "receiver") as found:
        yield found


@pytest.fixture
def office(tmp_path: Path, receiver: Receiver) -> Office:
    return Office(
        tmp_path, hooks_per_card=3, webhook_networks=("127.0.0.0/8",), webhook_ca_file=receiver.authority
    )
