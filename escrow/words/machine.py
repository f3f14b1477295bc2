"""What is wrong on the machine where the program runs: settings, files, an address that cannot be reached."""

from escrow.words.row import row

MACHINE = {
    # The service's settings and files
    "setting_missing": row(
        "Setting missing",
        "The setting {setting} is not given.",
        "Name the folder that `escrow service init` made, or set {variable}.",
    ),
    "setting_conflict": row(
        "Two settings that exclude each other",
        "Both {first} and {second} are set: records are kept in a folder or in S3, not in both.",
        "Take one of them away; the environment counts as well as the file.",
    ),
    "setting_malformed": row(
        "Setting not understood", "The setting {setting} must be {expected}.", "Correct it."
    ),
    "setting_unknown": row(
        "Unknown setting", "{path} sets {setting}, which does not exist.", "Correct its name."
    ),
    "address_in_use": row(
        "Address in use",
        "{address} is in use by another program.",
        "Stop that one, or set another {setting} in service.toml or {variable}.",
    ),
    "address_unusable": row(
        "Address unusable",
        "This machine cannot listen on {address} ({reason}).",
        "Set another {setting} in service.toml or {variable}.",
    ),
    "metrics_folder_unusable": row(
        "No room for metrics",
        "No folder for metrics can be made among the temporary files ({reason}).",
        "Make room there, set TMPDIR to another folder, or take metrics_bind away.",
    ),
    "metrics_not_by_this_server": row(
        "No metrics from this server",
        "metrics_bind is set, and only `escrow serve` can serve metrics.",
        "Run `escrow serve`, or take metrics_bind away.",
    ),
    "config_unreadable": row(
        "Settings unreadable", "{path} cannot be read as TOML: {reason}.", "Check the file."
    ),
    "service_identity_exists": row(
        "File exists", "{path} is there already.", "Nothing was overwritten: use it."
    ),
    "service_identity_unwritable": row(
        "Cannot write",
        "{path} cannot be written. Nothing is changed.",
        "Check folder, permissions and room on the disk.",
    ),
    "service_identity_unreadable": row(
        "Cannot read",
        "The service's identity {path} cannot be read.",
        "See that it is there, and this user's. If it is lost, put its copy back; without one: "
        "escrow service new-key FOLDER --lost CARD.",
    ),
    "service_folder_exposed": row(
        "Service folder exposed", "Everybody may write {path}.", "Take that right away: chmod o-w."
    ),
    "service_identity_exposed": row(
        "Key file exposed",
        "Others may read {path} (mode {mode}).",
        "Run `chmod 600` on it. Whoever has read it can misdate entries, and opens nothing.",
    ),
    "service_identity_malformed": row(
        "Not a key file",
        "{path} is not a key file without passphrase.",
        "Restore the service's identity from its copy.",
    ),
    "service_identity_of_another_store": row(
        "Another service's storage",
        "The storage is that of the service {expected:card}; this identity is {found:card}.",
        "Restore the service's own identity from its copy, or set another store. A new key of that service "
        "is made by `escrow service new-key`, which notes it.",
    ),
    "service_key_change_interrupted": row(
        "Key change not finished",
        "{path} is there: a change of the key was broken off or is under way. The old key is in force.",
        "If nobody is at it, remove {path}, which nothing uses yet, and run `escrow service new-key` again.",
    ),
    "service_key_not_flushed": row(
        "The new key is not safe yet",
        "The new key is in {path}, and in force, but the disk did not say that it keeps it.",
        "Copy {path} elsewhere now, and see to the disk. The new card: `escrow service keys FOLDER --json`.",
    ),
    "store_not_create_only": row(
        "Unsafe storage",
        "The storage ({bucket}) overwrote an object where it was asked to create one only if there is none: "
        "two services would overwrite each other's entries.",
        "Use a folder, MinIO of May 2024 or newer, or another S3 server that keeps If-None-Match on PUT; "
        "a proxy between must pass that header on.",
    ),
    "store_unusable": row(
        "Storage unusable", "The storage cannot be used ({reason}).", "Check the store setting."
    ),
}
