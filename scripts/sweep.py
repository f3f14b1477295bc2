#!/usr/bin/env python3
"""Remove what uploads left behind and no entry names: scripts/sweep.py --help"""

import in_venv

in_venv.ensure()

from escrow.cli.sweep_script import main  # noqa: E402

main()
