"""Checking webhooks: what a receiver that uses the SDK never believes, and vectors that another language
can use.
"""

from datetime import UTC, datetime, timedelta

import pytest
from support import build

from escrow.client import webhook
from escrow.crypto import webhook_key
from escrow.errors import EscrowError
from escrow.model.webhook import Message, message_id, signed

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = webhook_key.public_key(build.SERVICE)
CASE, OWNER, HOOK = "c" * 64, "f" * 64, "a" * 32
MESSAGE = Message(case=CASE, n=7, at=AT, kind="escrow.note.v1", statement="d" * 64)
ID = message_id(OWNER, HOOK, CASE, 7)


def made(
    body: bytes = MESSAGE.emit(), *, at: datetime = AT, name: str = ID, by: object = None
) -> dict[str, str]:
    seconds = int(at.timestamp())
    who = build.SERVICE if by is None else by
    return {
        "Webhook-Id": name, "webhook-timestamp": str(seconds),
        "WEBHOOK-SIGNATURE": webhook_key.sign(who, signed(name, seconds, body)),  # type: ignore[arg-type]
    }  # fmt: skip


def refused(
    headers: dict[str, str], body: bytes = MESSAGE.emit(), *, now: datetime = AT, key: str = KEY,
    owner: str = OWNER, hook: str = HOOK,
) -> str:  # fmt: skip
    with pytest.raises(EscrowError) as caught:
        webhook.verify(headers, body, key, owner=owner, hook=hook, now=now)
    return caught.value.code


def test_message_of_the_service_is_read() -> None:
    found = webhook.verify(made(), MESSAGE.emit(), KEY, owner=OWNER, hook=HOOK, now=AT + timedelta(minutes=5))
    assert found == webhook.Notice(id=ID, case=CASE, n=7, at=AT, kind="escrow.note.v1", statement="d" * 64)


def test_form_is_that_of_standard_webhooks() -> None:
    assert KEY.startswith("whpk_")
    assert made()["WEBHOOK-SIGNATURE"].startswith("v1a,")
    assert signed("id", 1, b"{}") == b"id.1.{}"


def test_old_message_that_is_replayed_is_refused() -> None:
    assert refused(made(), now=AT + timedelta(minutes=5, seconds=1)) == "webhook_stale"
    assert refused(made(), now=AT - timedelta(minutes=5, seconds=1)) == "webhook_stale"


def test_old_message_with_a_new_time_is_refused() -> None:
    new = AT + timedelta(hours=1)
    headers = made() | {"webhook-timestamp": str(int(new.timestamp()))}
    assert refused(headers, now=new) == "webhook_signature_false"


def test_changed_body_or_id_is_refused() -> None:
    assert refused(made(), MESSAGE.emit().replace(b'"n":7', b'"n":8')) == "webhook_signature_false"
    assert refused(made(), MESSAGE.emit() + b" ") == "webhook_signature_false"
    assert refused(made() | {"Webhook-Id": "0" * 64}) == "webhook_signature_false"


def test_message_that_another_key_signed_is_refused() -> None:
    assert refused(made(by=build.party("stranger"))) == "webhook_signature_false"


def test_fresh_message_of_another_cards_hook_or_of_another_of_ones_own_is_refused() -> None:
    """Anybody with a case and a hook has the service sign, and can pass that on to another's receiver."""
    assert refused(made(), owner="e" * 64) == "webhook_of_another_hook"
    assert refused(made(), hook="b" * 32) == "webhook_of_another_hook"
    other = MESSAGE.emit().replace(b'"n":7', b'"n":8')
    assert refused(made(other), other) == "webhook_of_another_hook"


@pytest.mark.parametrize(("owner", "hook"), [("", HOOK), (OWNER[:-1], HOOK), (OWNER, ""), (OWNER, "A" * 32)])
def test_owner_or_hook_that_is_none_is_refused(owner: str, hook: str) -> None:
    assert refused(made(), owner=owner, hook=hook) == "field_not_hex"


@pytest.mark.parametrize(
    "signature", ["", "v1a,", "v1a,AAAA", "v1,AAAA", "v1a," + "A" * 86 + "==", "x", "v1a,é"]
)
def test_signature_of_another_form_is_refused(signature: str) -> None:
    assert refused(made() | {"WEBHOOK-SIGNATURE": signature}) == "webhook_signature_false"


def test_one_good_signature_among_several_is_enough_but_not_behind_too_many() -> None:
    good = made()["WEBHOOK-SIGNATURE"]
    several = made() | {"WEBHOOK-SIGNATURE": f"v1,AAAA {good}"}
    assert webhook.verify(several, MESSAGE.emit(), KEY, owner=OWNER, hook=HOOK, now=AT).n == 7
    assert refused(made() | {"WEBHOOK-SIGNATURE": "x " * 10 + good}) == "webhook_signature_false"


@pytest.mark.parametrize("name", ["Webhook-Id", "webhook-timestamp", "WEBHOOK-SIGNATURE"])
def test_missing_header_is_refused(name: str) -> None:
    headers = made()
    del headers[name]
    assert refused(headers) == "webhook_header_missing"


@pytest.mark.parametrize(
    "change", [{"Webhook-Id": "x"}, {"webhook-timestamp": "-1"}, {"webhook-timestamp": "١"}]
)
def test_header_of_another_form_is_refused(change: dict[str, str]) -> None:
    assert refused(made() | change) == "webhook_header_malformed"


@pytest.mark.parametrize("key", ["", "whpk_", "whsec_AAAA", KEY[:-1], KEY + "=", "whpk_" + "A" * 43 + "="])
def test_key_that_is_none_is_refused(key: str) -> None:
    assert refused(made(), key=key) == "webhook_key_malformed"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"x" * 2000, MESSAGE.emit().replace(b"entry", b"other"),
     MESSAGE.emit().replace(b'"n":7', b'"n":7,"title":"x"')],
)  # fmt: skip
def test_body_of_another_form_is_refused_though_it_is_signed(body: bytes) -> None:
    assert refused(made(body), body) in {
        "field_not_json", "field_missing", "field_not_an_object", "field_too_large", "field_not_a_choice",
        "field_unknown",
    }  # fmt: skip


def test_key_of_webhooks_is_no_other_key_of_the_service() -> None:
    assert webhook_key.public_key(build.party("stranger")) != KEY
    assert build.SERVICE.card.public not in KEY.encode()
