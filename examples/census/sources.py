"""Which files are counted, and how they are shared out.

A source file is a regular file (or a link to one) whose name ends in `.py`, anywhere under the root, unless a folder
named `site-packages` lies between the root and the file. Links to folders are not followed: nothing counts twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TypedDict

EXCLUDED_FOLDER = "site-packages"
# About a third of a second of parsing: small enough to spread over workers, large enough that a task is worth its way.
PART_BYTES = 1_000_000


class Part(TypedDict):
    """A package or a module, or a part of a big one. `files` are relative to the root, with `/`."""

    package: str
    part: int
    parts: int
    files: list[str]


def source_files(root: Path) -> Iterator[tuple[str, int]]:
    """Yield the path, relative to the root and with `/`, and the size in bytes of every source file, sorted by path.

    Raises:
        NotADirectoryError: the root is no folder. An empty census would look like a success.
    """
    if not root.is_dir():
        raise NotADirectoryError(f"Expected a folder of Python sources, but {root} is none")
    yield from sorted(_walk(root))


def _walk(root: Path) -> Iterator[tuple[str, int]]:
    for folder, subfolders, names in os.walk(root, onerror=_raise):
        if EXCLUDED_FOLDER in subfolders:
            subfolders.remove(EXCLUDED_FOLDER)
        for name in names:
            path = Path(folder, name)
            if name.endswith(".py") and path.is_file():
                yield path.relative_to(root).as_posix(), path.stat().st_size


def _raise(error: OSError) -> None:
    # os.walk skips folders that it may not read; a census that leaves out a folder in silence is wrong.
    raise error


def share_out(files: list[tuple[str, int]], part_bytes: int = PART_BYTES) -> list[Part]:
    """Return one part for each package and module, and several for a big one.

    A part holds at most `part_bytes` of source unless a single file is larger. Every file is in exactly one part.
    """
    packages: dict[str, list[tuple[str, int]]] = {}
    for path, size in files:
        packages.setdefault(package_of(path), []).append((path, size))
    parts: list[Part] = []
    for package, members in packages.items():
        chunks = _chunks(members, part_bytes)
        for number, chunk in enumerate(chunks, start=1):
            parts.append(Part(package=package, part=number, parts=len(chunks), files=chunk))
    return parts


def package_of(path: str) -> str:
    """Return the package or module that a file belongs to: the first folder of its path, or its own name."""
    first, *rest = PurePosixPath(path).parts
    return first if rest else first.removesuffix(".py")


def _chunks(members: list[tuple[str, int]], part_bytes: int) -> list[list[str]]:
    chunks: list[list[str]] = [[]]
    filled = 0
    for path, size in members:
        if chunks[-1] and filled + size > part_bytes:
            chunks.append([])
            filled = 0
        chunks[-1].append(path)
        filled += size
    return chunks
