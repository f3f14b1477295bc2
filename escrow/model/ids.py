"""The identifiers of the domain and their sizes in bytes. All are lowercase hex wherever they are written."""

import secrets

CASE_BYTES = 32
"""A case's id is the hash of its opening statement."""
RECORD_BYTES = 16
"""A record's id is drawn at random by its depositor."""
UPLOAD_BYTES = 16
"""A staged upload's id is drawn at random by the uploader."""
HASH_BYTES = 32
"""Statements, requests (their statement's hash), charters (likewise), entries, share objects."""
FINGERPRINT_BYTES = 32

CaseId = str
RecordId = str
UploadId = str
Hash = str
Fingerprint = str


def new_record_id() -> RecordId:
    """Drawn at random: 32 hex digits."""
    return secrets.token_hex(RECORD_BYTES)


def new_upload_id() -> UploadId:
    """Drawn at random: 32 hex digits."""
    return secrets.token_hex(UPLOAD_BYTES)
