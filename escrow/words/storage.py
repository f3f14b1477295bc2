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
    "store_addresses_copy": row(
        "Addresses let anything be copied",
        "Whoever is given an address of the bucket {bucket} could have the server copy any object that "
        "the service may read into a part, and so read it.",
        "Run `scripts/minio setup --replace-policies`: the service's policy then forbids copies. Or take "
        "`s3_public_endpoint` out of the settings.",
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
    "ledger_not_locked": row(
        "Ledger not locked",
        "The bucket {bucket} does not lock what comes into it.",
        "Run `scripts/minio setup` again.",
    ),
    "policy_differs": row(
        "Policy differs",
        "The policy {policy} is there already and says something else than this program's.",
        "Compare it with infra/policies; `scripts/minio setup --replace-policies` replaces it.",
    ),
    "minio_user_differs": row(
        "User differs",
        "The user of the role {role} is {found}, which is not as it must be.",
        "Mend it by `mc admin user` and `mc admin policy`, then run `scripts/minio setup` again.",
    ),
    "minio_extra_missing": row(
        "Package missing",
        "This installation cannot set up users of MinIO ({missing} is missing).",
        "Install it from this program's source folder: pip install '.[server,minio]'",
    ),
    "minio_missing": row(
        "MinIO missing",
        "There is no {program} on PATH, and no Go to build it with.",
        "Install Go 1.24 or newer, then run `scripts/minio install`; or put a {program} on PATH; or run "
        "MinIO in Docker and set it up by `scripts/minio setup`.",
    ),
    "minio_build_failed": row(
        "MinIO not built",
        "Go could not build {program} from {module}: {reason}",
        "Go 1.24 or newer is needed, and Go's module proxy must be reached.",
    ),
    "minio_did_not_start": row(
        "MinIO did not start", "MinIO did not start: {reason}", "Mend that, or see all that it wrote: {log}"
    ),
    "minio_stopped": row(
        "MinIO stopped", "MinIO ended by itself, with the status {status}.", "See what it wrote: {log}"
    ),
    "minio_port_in_use": row(
        "Port in use", "Another program listens on {address}.", "Stop that one, or choose another --port."
    ),
    "policy_unreadable": row(
        "Policy unreadable",
        "The policy {path} cannot be read.",
        "Restore it from this program's release.",
    ),
}
