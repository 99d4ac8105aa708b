"""`python -m tests.golden.record`: write the golden files of today's versions that are not there yet.

`--replace` writes them all anew: only before the first release, or for a version that nobody has seen.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.golden import folds, runs

FOLDER = Path(__file__).parent


def files() -> dict[Path, Any]:
    """Return the files of today's versions, each with a function that makes its content."""
    found: dict[Path, Any] = {}
    for name, kind in folds.KINDS.items():
        found[FOLDER / "folds" / f"{name}-{kind.decider().code_version}.json"] = lambda name=name: folds.recorded(name)
    for name, program in runs.PROGRAMS.items():
        found[FOLDER / "runs" / f"{name}-{program.interpreter}.json"] = lambda name=name: runs.recorded(name)
    return found


def main() -> None:
    """Write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", action="store_true", help="write them all anew")
    replace = parser.parse_args().replace
    for path, content in files().items():
        if path.exists() and not replace:
            sys.stdout.write(f"kept {path.relative_to(FOLDER)}\n")
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content(), indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(FOLDER)}\n")


if __name__ == "__main__":
    main()
