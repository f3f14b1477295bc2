#!/usr/bin/env python3
"""Release records from the storage alone, the service switched off: scripts/release.py --help"""

import in_venv

in_venv.ensure()

from escrow.cli.release_script import main  # noqa: E402

main()
