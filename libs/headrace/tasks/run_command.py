"""`python run_command.py FOLDER`: runs the command that a folder describes, once, and writes down how it ended.

Started by the `subprocess` task, and alone from then on: it outlives its worker. It knows nothing but the standard
library, so that it starts at once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    """Run the command, unless another process has taken the folder."""
    mine = folder / f"pid.{os.getpid()}"
    mine.write_text(str(os.getpid()))
    try:
        os.link(mine, folder / "pid")  # one of any two that were started wins, with the file complete
    except FileExistsError:
        return
    finally:
        mine.unlink()
    request = json.loads((folder / "request.json").read_text())
    ended = folder / "ended.json.part"
    ended.write_text(json.dumps(_run(request, folder)))
    ended.rename(folder / "ended.json")


def _run(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    with (
        (folder / "stdin").open("rb") as stdin,
        (folder / "stdout").open("wb") as out,
        (folder / "stderr").open("wb") as err,
    ):
        try:
            done = subprocess.run(
                request["command"],
                stdin=stdin,
                stdout=out,
                stderr=err,
                cwd=request["cwd"] or None,
                env={**os.environ, **request["env"]},
                check=False,
            )
        except (OSError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
    return {"exit_code": done.returncode}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
