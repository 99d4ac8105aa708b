"""`python -m headrace.local.fetch`: fetch Kafka's jars when they are missing, so that nothing waits for them later."""

from __future__ import annotations

import sys

from headrace.local.errors import LocalStackError
from headrace.local.jars import ensure_jars
from headrace.local.settings import LocalSettings


def main() -> None:
    """Say what is done on stderr; exit 1 with one text when it cannot be done."""
    try:
        ensure_jars(LocalSettings.load().cache_path, say=lambda line: print(line, file=sys.stderr))
    except LocalStackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
