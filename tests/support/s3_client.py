"""boto3's own client, for what a test does to a server beside the product."""

from typing import TYPE_CHECKING, Final

import boto3

from escrow.store.s3_credentials import Credentials

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_SESSION: Final = boto3.session.Session()
"""For all clients of a process: each session reads the descriptions of S3's operations anew."""


def s3_client(endpoint: str, who: Credentials) -> "S3Client":
    """The caller closes it."""
    return _SESSION.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=who.access_key,
        aws_secret_access_key=who.secret_key,
    )
