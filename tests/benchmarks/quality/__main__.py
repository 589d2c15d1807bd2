"""How good what is learned is: `OMP_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/quality [FOLDER]`.

FOLDER has open sets: `detect.jsonl`, `detect_ambiguous.jsonl`, `complexity.jsonl` and `tokens.jsonl`, as lines of JSON
with `id`, `text`, what is right, and where it is known `source`, `subset` and `lang`. Of each the table is printed in
all, by label, source, subset and language. Without a folder the same is measured on what comes with the program: the
examples by weights that were learned from other authors, and made-up histories. A benchmark, not a test: nothing is
judged.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import complexity
import detection
import tokens
from rows import FEW

PARTS = {"detection": detection, "complexity": complexity, "tokens": tokens}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="quality", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    for name, part in PARTS.items():
        if options.only in (None, name):
            print(f"\n{name.capitalize()}")
            if options.folder is None:
                part.print_own()
            else:
                part.print_open(options.folder)
    print(f"\n* fewer than {FEW} rows")
