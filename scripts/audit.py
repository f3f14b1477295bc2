#!/usr/bin/env python3
"""Audit the storage, trusting nothing, the service switched off: scripts/audit.py --help"""

import in_venv

in_venv.ensure()

from escrow.cli.audit_script import main  # noqa: E402

main()
