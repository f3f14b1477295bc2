"""What whoever runs a service on S3 meets: at its start, and in the scripts that work on the buckets."""

from escrow.words.row import row

_PRINT = "Write {path} anew: JSON with access_key and secret_key, as `scripts/minio setup` writes it."

STORAGE = {
    "credentials_unreadable": row(
        "No credential", "The credential's file {path} cannot be read.", "Check s3_credentials and the file."
    ),
    "credentials_exposed": row(
        "Credential exposed",
        "Others may read {path} (mode {mode}).",
        "Take that right away: chmod 600 {path}",
    ),
    "credentials_malformed": row("Not a credential", "{path} holds no S3 credential.", _PRINT),
    "store_unreachable": row(
        "Storage unreachable",
        "Nobody answers as an S3 server at {endpoint}.",
        "See that it runs and that s3_endpoint is its address, with the right scheme and port.",
    ),
    "store_credentials_refused": row(
        "Credential refused",
        "The server at {endpoint} does not know the credential that was given.",
        "Check s3_credentials, and that its user exists: `scripts/minio setup` makes it.",
    ),
    "store_access_denied": row(
        "A right is missing",
        "The credential may not do {operation} on the bucket {bucket}, or the bucket is not there.",
        "Give its user the policy of its role: infra/policies says what each must be allowed.",
    ),
    "store_bucket_missing": row(
        "Bucket missing",
        "There is no bucket {bucket} at {endpoint}.",
        "Check s3_buckets, or make the buckets: scripts/minio setup.",
    ),
    "store_certificate_refused": row(
        "Certificate not believed",
        "The certificate of {endpoint} is not believed.",
        "Give the certificate of who issued it as s3_ca_file, and use the name that it is made for.",
    ),
    "store_clock_differs": row(
        "Clocks differ",
        "The clock of this machine and that of the server at {endpoint} differ by {seconds} seconds or more.",
        "Set both by network time; entries say when they were received, and locks end by the server's clock.",
    ),
    "store_not_locked": row(
        "Bucket without Object Lock",
        "The bucket {bucket} has no Object Lock: payloads could be deleted before their time.",
        "Object Lock can only be given when a bucket is made: make new buckets by `scripts/minio setup`, "
        "and copy what there is.",
    ),
    "bucket_not_locked": row(
        "Bucket without Object Lock",
        "The bucket {bucket} exists and has no Object Lock, which cannot be added to it.",
        "Choose another --buckets, or copy what is in it away and remove it.",
    ),
    "minio_refused": row(
        "MinIO refused",
        "MinIO refused: {step} ({reason}).",
        "Check the endpoint, and that --root is the credential of its administrator.",
    ),
    "minio_missing": row(
        "MinIO missing",
        "There is no {program} on PATH, and no Go to build it with.",
        "Install Go 1.24 or newer (Debian: apt-get install golang), or put a {program} on PATH, or run "
        "MinIO in Docker and set it up by scripts/minio setup.",
    ),
    "minio_build_failed": row(
        "MinIO not built",
        "Go could not build {program} from {module}.",
        "Run `go install {module}` by hand to see why; Go's module proxy must be reached.",
    ),
    "minio_did_not_start": row("MinIO did not start", "MinIO did not start.", "See what it wrote: {log}"),
    "policy_unreadable": row(
        "Policy unreadable",
        "The policy {path} cannot be read.",
        "Restore it from this program's release.",
    ),
}
