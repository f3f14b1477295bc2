"""What `escrow doctor` has found, and what an operator does about it."""

from escrow.words.row import row

_NGINX = "infra/nginx.conf has every setting that a proxy in front needs, with its reason."
_RENEW = "Renew it, put the new one into the proxy, and have the proxy read it."
_POLICY = (
    "Give its user the policy of the role service, and no other: scripts/minio setup (after an update with "
    "--replace-policies), or infra/policies."
)
_DELIVER = (
    "Run `escrow webhooks FOLDER` all the time (infra/systemd/escrow-webhooks.service). If it runs, its "
    "stderr says why: `clocks_differ`, `case_damaged`, `storage`."
)

DOCTOR = {
    # Storage
    "doctor_other_user": row(
        "Asked as somebody else",
        "The folder {path} belongs to the user number {user}; you are number {own}.",
        "Run this as the user who runs the service, such as: sudo -u '#{user}' escrow doctor ...",
    ),
    "doctor_disk_full": row(
        "Disk full",
        "Only {free_mib} MiB are free for {path}: deposits will be refused.",
        "Make room on that disk, or move the store to a larger one while the service is stopped.",
    ),
    "doctor_disk_scarce": row(
        "Disk nearly full",
        "{free_mib} MiB are free for {path}: less than a tenth, or less than one upload of {upload_mib}.",
        "Make room on that disk before it is full, or set a smaller upload_bytes.",
    ),
    "doctor_inodes_gone": row(
        "No more files",
        "The disk of {path} takes only {left} more files (inodes), whatever room it has.",
        "Remove small files from that disk, or move the store to one that was made for more files.",
    ),
    "doctor_inodes_scarce": row(
        "Few more files",
        "The disk of {path} takes only {left} more files (inodes): less than a tenth.",
        "Remove small files from that disk, or plan for one that was made for more files.",
    ),
    "doctor_clock_drifts": row(
        "Clocks drift apart",
        "The clock of this machine and that of {endpoint} differ by {seconds} seconds.",
        "Have both set by network time (chrony, systemd-timesyncd); from 300 seconds on nothing starts.",
    ),
    "doctor_lock_of_ledger": row(
        "Lock of the ledger not asked",
        "Whether {bucket} locks each entry, the service's credential may not ask.",
        "Ask with another: `scripts/minio setup` as the administrator, or `scripts/audit.py` as auditor.",
    ),
    "doctor_lock_of_payloads": row(
        "Right to lock not asked",
        "Whether the credential may lock payloads cannot be told before the first one is locked.",
        "Look again after the first deposit, which is refused without that right.",
    ),
    "doctor_right_missing": row(
        "A right is missing",
        "In the bucket {bucket} the credential may not {what}.",
        _POLICY,
    ),
    "doctor_right_too_much": row(
        "A right too much",
        "In the bucket {bucket} the credential may {what}, and the service must not.",
        f"Whoever steals the credential could do it. {_POLICY}",
    ),
    "doctor_room_of_server": row(
        "Room of the server not asked",
        "How much room {endpoint} has left, S3 has no question for; today it takes what is written.",
        "Watch it on the server: on MinIO `mc admin info`, or its metrics.",
    ),
    # Machine
    "doctor_files_limit": row(
        "Too few open files",
        "A process may have {limit} files open here, and a busy worker needs {wanted}.",
        "Raise it for the service: LimitNOFILE=8192 in its systemd unit, or ulimit -n 8192 before it starts.",
    ),
    "doctor_memory_scarce": row(
        "Little memory",
        "{workers} workers with {threads} threads may take {wanted_mib} MiB, and {free_mib} can be had.",
        "Set fewer workers or threads, or give the machine or container more memory.",
    ),
    "doctor_pynacl_old": row(
        "Unsafe library",
        "PyNaCl {found} is installed, which takes false points for good ones.",
        "Install PyNaCl 1.6.2 or newer: scripts/setup brings the tested version.",
    ),
    "doctor_root": row(
        "Asked as root",
        "You are root: what only root may read or write is not found out so.",
        "Run this as the user who runs the service, which should not be root.",
    ),
    # The process
    "doctor_port_chosen_later": row(
        "Port not fixed",
        "bind is {address}: the system chooses the port at each start, so nobody is asked there.",
        "Set bind to a fixed port, unless something reads the port from the log.",
    ),
    "doctor_not_running": row(
        "Not running",
        "Nobody listens on {address}: the service does not run on this machine now.",
        "That is as it should be before the first start; else start it (`escrow serve`) and read its log.",
    ),
    "doctor_not_ready": row(
        "Not ready",
        "The service on {address} says that it is not ready ({reason}).",
        "If it is not being stopped, mend the storage first, and read its log.",
    ),
    "doctor_other_program": row(
        "Another program listens",
        "What answers on {address} is not this service.",
        "Stop that program, or set another bind.",
    ),
    # Public URL, TLS
    "doctor_name_unknown": row(
        "Unknown name",
        "The name {host} of public_url ({url}) has no address here.",
        "Correct public_url, or have the name entered in DNS.",
    ),
    "doctor_url_unreachable": row(
        "Not reached",
        "The service is not reached at its public_url, {url}.",
        "Start the service and its proxy; see that the proxy passes on to `bind`, and no firewall stops it.",
    ),
    "doctor_url_of_another_program": row(
        "Another program answers",
        "What answers at {url} is not an Escrow service.",
        "Have the proxy pass this address on to `bind`, or correct public_url.",
    ),
    "doctor_other_service": row(
        "Another service answers",
        "At {url} answers the service {found:card}; this identity is {expected:card}.",
        "If the key was changed on another machine, copy identity and former from there. Else have the proxy "
        "pass on to this service, correct public_url, or restore the identity from its copy.",
    ),
    "doctor_other_url": row(
        "Two public URLs",
        "The service that answers at {url} calls itself {found}: tokens for one are refused by the other.",
        "Give all processes of the service the same public_url, and start them again.",
    ),
    "doctor_other_version": row(
        "Another version runs",
        "At {url} runs version {found}; this is {expected}.",
        "Start the service again with this version when it suits.",
    ),
    "doctor_no_tls": row(
        "No TLS",
        "Something answers at {url}, but does not speak TLS ({reason}).",
        "Have the proxy speak TLS on that port, or correct the scheme.",
    ),
    "doctor_certificate_expired": row(
        "Certificate expired", "The certificate of {url} was good until {until}: nobody comes in.", _RENEW
    ),
    "doctor_certificate_not_yet": row(
        "Certificate not good yet",
        "The certificate of {url} is good from {since} on, which is in the future.",
        "Check this machine's clock; if that is right, use a certificate that is good now.",
    ),
    "doctor_certificate_ends": row(
        "Certificate ends soon",
        "The certificate of {url} is good for {days} more days, until {until}.",
        f"{_RENEW} See why the timer that renews it has not.",
    ),
    "doctor_certificate_of_another": row(
        "Certificate for another name",
        "The certificate of {url} is not for {host}; its names are: {names}.",
        "Use a certificate for that name, or correct public_url.",
    ),
    "doctor_certificate_unknown": row(
        "Certificate not believed",
        "The certificate of {url} is by {issuer}, who is not believed here, or its chain has gaps.",
        "Put the whole chain into the proxy; for an authority of your own, set REQUESTS_CA_BUNDLE=FILE.",
    ),
    "doctor_plain_http_everywhere": row(
        "Plain http to everybody",
        "bind is {address}: whoever reaches this machine speaks to the service without TLS.",
        "Set bind to a loopback or private address, with a TLS proxy in front.",
    ),
    "doctor_endpoint_unreachable": row(
        "Storage's door not reached",
        "Nobody answers at {url} (s3_public_endpoint), where parties would send their parts.",
        "Mend the proxy in front of the storage, or take s3_public_endpoint away: the service takes parts.",
    ),
    # Webhooks
    "doctor_webhooks_never": row(
        "Nobody delivers webhooks", "Cards have hooks, and no deliverer ever looked.", _DELIVER
    ),
    "doctor_webhooks_silent": row(
        "Webhooks are not delivered",
        "No deliverer has got through a round for {hours} hours.",
        _DELIVER,
    ),
    # Proxy
    "doctor_token_lost": row(
        "Tokens are lost", "The proxy does not pass the Authorization header on: nobody can read.", _NGINX
    ),
    "doctor_readyz_public": row(
        "Readiness is public",
        "/readyz is answered to everybody: it asks the storage each time, and tells strangers its state.",
        f"Have the proxy answer 404 to it. {_NGINX}",
    ),
    "doctor_metrics_public": row(
        "Metrics are public",
        "/metrics is answered to everybody: its numbers say how busy the parties are, and when.",
        f"Have the proxy answer 404 to it. {_NGINX}",
    ),
    "doctor_hsts_missing": row(
        "TLS not insisted on",
        "The proxy does not tell browsers to insist on TLS (Strict-Transport-Security).",
        _NGINX,
    ),
    "doctor_proxy_limit": row(
        "Proxy takes too little",
        "The proxy refuses {what} of {length} bytes, which {setting} allows.",
        f"Raise its limit (nginx: client_max_body_size), or set a smaller {{setting}}. {_NGINX}",
    ),
    "doctor_proxy_rest": row(
        "Timeouts of the proxy not asked",
        "How long the proxy waits, what it lets an address do, and what it logs cannot be told from here.",
        f"Compare them by eye. {_NGINX}",
    ),
}
