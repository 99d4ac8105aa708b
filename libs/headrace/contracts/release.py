"""Keeps released schemas: `python -m headrace.contracts.release` copies every new version to `schemas/released/`.

What stands there never changes again, since records written with it stay in the topics. To change a schema that was
released: change the `.avsc`, give it the next version and a new id in `schemas/ids.json`, and run this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from headrace.contracts.schemas import schema_folder, schema_ids, self_contained

REPLACE = "--replace"


def released_file(name: str, version: int) -> Path:
    """Return where a released version of a schema stands, with all that it refers to written out."""
    return schema_folder() / "released" / name / f"{version}.avsc"


def released_schema(name: str, version: int) -> Any:
    """Return a released version of a schema.

    Raises:
        FileNotFoundError: it was never released.
    """
    return json.loads(released_file(name, version).read_text(encoding="utf-8"))


def release(*, replace: bool = False) -> list[str]:
    """Write what is not there yet, and return the files that were written.

    `replace` overwrites the current versions: only before they have been used by anybody.
    """
    written = []
    for name, versions in sorted(schema_ids().items()):
        file = released_file(name, max(versions))
        text = json.dumps(self_contained(name), indent=1, ensure_ascii=False) + "\n"
        if (replace and file.exists() and file.read_text(encoding="utf-8") != text) or not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            written.append(str(file))
    return written


if __name__ == "__main__":
    for path in release(replace=REPLACE in sys.argv[1:]):
        sys.stdout.write(f"{path}\n")
