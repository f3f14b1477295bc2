"""Which problem codes each kind of request may be answered with.

`codes.json` holds every code that the service's rooms raise, with its statuses, its fields and the files that
raise it; `scripts/generate` reads it off the source. Here they are put together, by file or by name, into
what a route may answer: rather one too many than one too few, and a test client (tests/support/documented.py)
lets no answer of any test pass that its route does not name.
"""

import json
from dataclasses import dataclass
from importlib.resources import files

Codes = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """`statuses`: it is answered with one of these. `fields`: what its `fields` may hold."""

    code: str
    statuses: tuple[int, ...]
    fields: tuple[str, ...]
    raised_in: Codes


def _load() -> dict[str, Code]:
    found = json.loads(files("escrow.api").joinpath("codes.json").read_text())
    return {
        code: Code(
            code=code,
            statuses=tuple(row["statuses"]),
            fields=tuple(row["fields"]),
            raised_in=frozenset(row["files"]),
        )
        for code, row in found.items()
    }


ALL = _load()


def raised_in(*paths: str) -> Codes:
    """The codes of these files (`ledger/jws.py`). KeyError where a file raises none: it was moved."""
    found: set[str] = set()
    for path in paths:
        of_file = {code.code for code in ALL.values() if path in code.raised_in}
        if not of_file:
            raise KeyError(path)
        found |= of_file
    return frozenset(found)


ANYTHING: Codes = frozenset({"internal_error", "request_malformed"})
"""Whatever is asked."""
STORAGE: Codes = frozenset({"storage_failed", "storage_full", "stored_object_differs"})
TOKEN: Codes = raised_in("api/auth.py", "ledger/token.py", "api/limiting.py")
QUERY: Codes = frozenset({"field_refused", "field_unknown"})
BODY: Codes = (
    raised_in("api/bodies.py", "model/wire.py") - {"digest_malformed"}
    | QUERY
    | {"field_missing", "service_busy"}
)
"""A body of JSON."""
OCTETS: Codes = raised_in("api/bodies.py", "store/bodies.py") | {"service_busy"}
"""A body of bytes."""
UPLOADS: Codes = raised_in(
    "service/uploads.py", "store/folder_uploads.py", "store/s3_uploads.py", "store/interface.py"
) - {"addresses_not_offered", "receipt_malformed", "upload_owner_malformed"}

READ = (ANYTHING | STORAGE | TOKEN | QUERY | {"not_found", "ledger_damaged", "service_busy"},)
"""What any route that reads may refuse with."""
STATEMENT: Codes = (
    raised_in("ledger/jws.py", "ledger/replay.py", "ledger/rules_charter.py", "ledger/rules_record.py")
    | raised_in("ledger/keys.py", "ledger/signer.py")
    | raised_in("ledger/rules_release.py", "ledger/scene.py", "ledger/shares.py", "ledger/state.py")
    | raised_in("ledger/statement.py", "model/case_key.py", "model/charter.py", "model/path.py")
    | raised_in("model/record.py", "model/share_object.py", "policy/text.py", "policy/tree.py")
    | raised_in("crypto/card.py", "crypto/dealing.py", "crypto/group.py", "crypto/kem.py", "crypto/proof.py")
    | raised_in("crypto/seat_keys.py", "crypto/sign_off.py", "crypto/ticket.py", "crypto/sharing.py")
    | raised_in("service/deposit.py", "service/limits.py", "service/open_case.py", "service/post.py")
    | raised_in("service/sign_off.py", "store/journal.py", "store/folder_retention.py")
    | {"envelope_length", "sealed_path_length", "metadata_length", "payload_too_large"}
    | {"part_damaged", "payload_damaged", "upload_incomplete", "payload_missing"}
)
WRITE = (*READ, BODY, STATEMENT)
"""What any route that takes a statement may refuse with."""
SEND = (*READ, BODY, UPLOADS)
"""What any route of uploads that takes JSON may refuse with."""
GIVE_REFERENCE = (*READ, BODY, raised_in("service/references.py"))
"""What giving a case a reference may be refused with."""
ADD_HOOK = (*READ, BODY, raised_in("service/hooks.py", "model/webhook.py"))
"""What adding a webhook may be refused with."""
CHANGES = (*READ, raised_in("service/changes.py"))
"""What a question for changes may be refused with."""
DROP_OFF = (
    *WRITE,
    OCTETS,
    UPLOADS,
    raised_in("ledger/order.py", "service/drop_off.py", "service/sealer.py", "service/sealing_process.py")
    | raised_in("crypto/metadata.py", "model/drop_off.py"),
)
"""What a drop-off may be refused with."""
SEND_OCTETS = (*READ, OCTETS, UPLOADS)
"""What any route of uploads that takes bytes may refuse with."""


def by_status(*given: str | Codes) -> dict[int, list[str]]:
    """Codes and groups of codes, sorted out by status. KeyError: no room of the service raises that one."""
    codes = {code for each in given for code in ([each] if isinstance(each, str) else each)}
    statuses = sorted({status for code in codes for status in ALL[code].statuses})
    return {status: sorted(code for code in codes if status in ALL[code].statuses) for status in statuses}
