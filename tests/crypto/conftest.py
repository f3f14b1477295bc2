"""Lets the tests of this room import the slow twins, the scene and the makers of the vectors."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "vectors")]
