"""An independent count, to hold the workflow's figures against: `python examples/census/count.py [ROOT]`.

It shares no code with the tasks on purpose: one loop over one list of files, in one process. Prints one JSON line.
"""

from __future__ import annotations

import ast
import json
import sys
import sysconfig
import warnings
from pathlib import Path


def count(root: Path) -> dict[str, int]:
    """Return files, lines, functions, classes and unparsable of all `.py` files of a folder, site-packages left out."""
    figures = {"files": 0, "lines": 0, "functions": 0, "classes": 0, "unparsable": 0}
    for path in root.rglob("*.py"):
        if "site-packages" in path.relative_to(root).parts or not path.is_file():
            continue
        data = path.read_bytes()
        figures["files"] += 1
        figures["lines"] += len(data.splitlines())
        try:
            nodes = list(ast.walk(ast.parse(data)))
        except Exception:  # noqa: BLE001 - whatever it raises, the file does not parse
            figures["unparsable"] += 1
            continue
        figures["functions"] += sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in nodes)
        figures["classes"] += sum(isinstance(node, ast.ClassDef) for node in nodes)
    return figures


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(count(Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_path("stdlib")))))
