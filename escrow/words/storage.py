"""What whoever runs a service on S3 meets: at its start, and in the scripts that work on the buckets."""

from escrow.words.row import row

_PRINT = "Write {path} anew: JSON with access_key and secret_key, as `scripts/minio setup` writes it."

STORAGE = {
    "credentials_unreadable": row(
        "No credential",
        "The credential's file {path} cannot be read: {reason}.",
        "Name the right file: --credentials or --root, or s3_credentials in the settings.",
    ),
    "credentials_exposed": row(
        "Credential exposed",
        "Others may read {path} (mode {mode}).",
        "Take that right away: chmod 600 {path}",
    ),
    "credentials_malformed": row("Not a credential", "{path} holds no S3 credential.", _PRINT),
    "ca_file_unusable": row(
        "No certificates",
        "The file of certificates {path} cannot be used: {reason}.",
        "Give s3_ca_file (or --ca-file) the certificate of who issued the server's, as PEM.",
    ),
    "storage_not_named": row(
        "Which storage?",
        "Nothing says where the storage is.",
        "Give --config service/service.toml, or --store FOLDER; ESCROW_CONFIG in the environment does too.",
    ),
    "storage_holds_no_case": row(
        "Empty storage",
        "The storage holds no case.",
        "If it should hold some, another one was named: check --config, --store and the buckets' names.",
    ),
    "store_unreachable": row(
        "Storage unreachable",
        "Nobody answers as an S3 server at {endpoint}.",
        "See that it runs and that s3_endpoint is its address, with the right scheme and port.",
    ),
    "store_credentials_refused": row(
        "Credential refused",
        "The server at {endpoint} does not know the credential that was given.",
        "Check which was named (--credentials, --root, s3_credentials), and that its user exists: "
        "`scripts/minio setup` makes those of the roles.",
    ),
    "store_credential_needed": row(
        "Credential needed",
        "Without a credential the server at {endpoint} does not do that, or what was asked for is not there.",
        "Give one: --credentials or s3_credentials. Without any, only what was published can be checked.",
    ),
    "store_access_denied": row(
        "A right is missing",
        "The credential may not do {operation} on the bucket {bucket}, or the bucket is not there.",
        "Use the credential made for this (--credentials, --root, s3_credentials), on the right buckets; "
        "infra/policies says what each may do. After an update: scripts/minio setup --replace-policies.",
    ),
    "store_bucket_missing": row(
        "Bucket missing",
        "There is no bucket {bucket} at {endpoint}.",
        "Check s3_buckets (--buckets), or make the buckets: scripts/minio setup.",
    ),
    "store_certificate_refused": row(
        "Certificate not believed",
        "The certificate of {endpoint} is not believed.",
        "Give the certificate of who issued it as s3_ca_file, and use the name that it is made for.",
    ),
    "store_speaks_no_tls": row(
        "No TLS there",
        "What answers at {endpoint} speaks no TLS.",
        "Write http:// if that is meant, on one machine or a network of your own; else give the server TLS.",
    ),
    "store_speaks_tls": row(
        "TLS there",
        "What answers at {endpoint} speaks TLS, and was spoken to in plain http.",
        "Write https:// there, and give the certificate of who issued the server's as s3_ca_file.",
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
    "minio_data_in_use": row(
        "Folder in use",
        "Another MinIO runs over {folder}.",
        "Use that one, stop it, or choose another --data.",
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
        "After an update that is to be expected: `scripts/minio setup --replace-policies` puts its own "
        "there. Else somebody changed it: compare it with infra/policies first.",
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
        "There is no {program} on PATH, and neither Go nor Docker to build it with.",
        "Install Go 1.24 or newer, or Docker, then run `scripts/minio install`; or put a {program} on PATH.",
    ),
    "minio_build_failed": row(
        "MinIO not built",
        "{builder} could not build {program}: {reason}",
        "Go must be 1.24 or newer and reach its module proxy; Docker must run, and reach that and its own "
        "registry.",
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
