"""Plans and receipts check themselves at birth."""

import pytest
from store.contract import refused

from escrow.errors import MalformedError
from escrow.store.interface import MAX_PART_BYTES, MIB, PartReceipt, StoredPayload, UploadPlan

SHA = "0" * 64


@pytest.mark.parametrize("length", [-1, 0, 10_000 * MAX_PART_BYTES + 1])
def test_payload_of_no_or_too_many_bytes_is_refused(length: int) -> None:
    code = "payload_length_out_of_range"
    refused(MalformedError, code, lambda: UploadPlan(length=length, part_size=MAX_PART_BYTES))


@pytest.mark.parametrize(
    ("length", "part_size"),
    [
        (10 * MIB, -1),
        (10 * MIB, 0),
        (10 * MIB, 5 * MIB - 1),
        (10, 9),
        (10, 0),
        (10 * MIB, MAX_PART_BYTES + 1),
        (10_000 * 5 * MIB + 1, 5 * MIB),
    ],
)
def test_parts_that_s3_would_not_take_are_refused(length: int, part_size: int) -> None:
    code = "part_size_out_of_range"
    refused(MalformedError, code, lambda: UploadPlan(length=length, part_size=part_size))


@pytest.mark.parametrize("owner", ["x", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_owner_that_is_no_fingerprint_is_refused(owner: str) -> None:
    refused(MalformedError, "upload_owner_malformed", lambda: UploadPlan(length=1, part_size=1, owner=owner))


@pytest.mark.parametrize(
    ("length", "part_size", "lengths"),
    [
        (1, 1, [1]),
        (10, 5 * MIB, [10]),
        (10 * MIB, 5 * MIB, [5 * MIB, 5 * MIB]),
        (10 * MIB + 1, 5 * MIB, [5 * MIB, 5 * MIB, 1]),
    ],
)
def test_plan_cuts_a_payload_into_its_parts(length: int, part_size: int, lengths: list[int]) -> None:
    plan = UploadPlan(length=length, part_size=part_size)
    assert [plan.part_length(number) for number in range(1, plan.part_count + 1)] == lengths


def test_largest_payload_has_ten_thousand_parts() -> None:
    plan = UploadPlan(length=10_000 * 5 * MIB, part_size=5 * MIB)
    assert plan.part_count == 10_000


@pytest.mark.parametrize("number", [-1, 0, 3])
def test_part_outside_the_plan_is_refused(number: int) -> None:
    plan = UploadPlan(length=10 * MIB, part_size=5 * MIB)
    refused(MalformedError, "part_number_out_of_range", lambda: plan.part_length(number))


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "g" * 64])
def test_receipt_without_a_digest_is_refused(sha256: str) -> None:
    refused(MalformedError, "receipt_malformed", lambda: StoredPayload(length=1, sha256=sha256))
    refused(MalformedError, "receipt_malformed", lambda: PartReceipt(number=1, length=1, sha256=sha256))


def test_receipt_for_nothing_is_refused() -> None:
    refused(MalformedError, "receipt_malformed", lambda: StoredPayload(length=0, sha256=SHA))
    refused(MalformedError, "receipt_malformed", lambda: PartReceipt(number=1, length=0, sha256=SHA))
    for number in (0, 10_001):
        deed = lambda number=number: PartReceipt(number=number, length=1, sha256=SHA)  # noqa: E731
        refused(MalformedError, "part_number_out_of_range", deed)
