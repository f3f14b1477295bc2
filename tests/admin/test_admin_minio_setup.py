"""What is asked of MinIO's interface for users and policies, in an order that its start forgives."""

import json
from pathlib import Path
from typing import Any

import pytest

from escrow.admin import minio_setup
from escrow.config import S3Settings

SETTINGS = S3Settings(endpoint="http://127.0.0.1:9", buckets="some", credentials=Path("/nowhere"))
POLICY = {
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::some-records/*"]}
    ]
}


class JustStarted:
    """A MinIO that still reads what it knows: what it is told meanwhile is gone once it has read that.

    It answers who its users are only then.
    """

    def __init__(self) -> None:
        self.policies: dict[str, Any] = {}
        self.users: dict[str, dict[str, str]] = {}
        self._reading = True

    def _read(self) -> None:
        if self._reading:
            self.policies, self.users, self._reading = {}, {}, False

    def policy_list(self) -> str:
        return json.dumps(self.policies)

    def policy_add(self, policy_name: str, policy: dict[str, Any]) -> None:
        self.policies[policy_name] = policy

    def user_list(self) -> str:
        self._read()
        return json.dumps(self.users)

    def user_add(self, access_key: str, secret_key: str) -> None:
        self.users[access_key] = {}

    def attach_policy(self, policies: list[str], user: str) -> None:
        self._read()
        if any(one not in self.policies for one in policies):
            pytest.fail("XMinioAdminNoSuchPolicy")
        self.users[user]["policyName"] = ",".join(policies)


def test_server_that_just_started_forgets_nothing_that_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = JustStarted()
    monkeypatch.setattr(minio_setup, "administrator", lambda settings: server)
    policy, user = minio_setup.add_user(SETTINGS, "some-audit", POLICY, tmp_path / "audit.json")
    assert policy.made
    assert user.made
    assert list(server.policies) == ["some-audit"]
    assert [one["policyName"] for one in server.users.values()] == ["some-audit"]
