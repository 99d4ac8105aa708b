"""Where large payloads lie: a folder, or whatever `fsspec` reaches. What is stored is named by its hash, and held
against it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Protocol

import msgspec

OFF = "off"


class BlobUnavailable(Exception):
    """A blob that cannot be stored or fetched now; the text says where it should be."""


class Cleaned(msgspec.Struct, frozen=True):
    """What was removed."""

    blobs: int
    bytes: int


class Blobs(Protocol):
    """Stores bytes under the name that `name_of` gives them. Storing the same again changes nothing but its age."""

    def put(self, name: str, data: bytes) -> None:
        """Store. Raises `BlobUnavailable`."""

    def get(self, name: str) -> bytes:
        """Return what was stored. Raises `BlobUnavailable` where there is no such blob, or no answer."""

    def clean(self, before: float, *, dry_run: bool = False) -> Cleaned:
        """Remove what was stored last before a time, in seconds since the epoch; `dry_run` only counts it.

        Raises:
            BlobUnavailable: the store does not answer.
        """


def name_of(data: bytes) -> str:
    """Return the name of what is stored: its hash."""
    return f"sha256-{hashlib.sha256(data).hexdigest()}"


def stored(blobs: Blobs, data: bytes) -> str:
    """Store something and return its name. Raises `BlobUnavailable`."""
    name = name_of(data)
    blobs.put(name, data)
    return name


def fetched(blobs: Blobs, name: str) -> bytes:
    """Return what is stored under a name, held against it. Raises `BlobUnavailable`."""
    data = blobs.get(name)
    if name_of(data) != name:
        raise BlobUnavailable(f"Expected blob {name} as it was stored, but it has changed since")
    return data


class FolderBlobs:
    """Blobs in a folder that all processes share, a file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Store: written beside and renamed, so that nobody ever sees half of it."""
        file = self._file(name)
        try:
            if file.exists():
                os.utime(file)  # it is young again: whoever cleans up by age keeps it
                return
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False) as written:
                written.write(data)
                written.flush()
                os.fsync(written.fileno())
            Path(written.name).replace(file)
        except OSError as error:
            raise BlobUnavailable(f"Expected to store {len(data)} bytes in {self._folder}, but {error}") from error

    def get(self, name: str) -> bytes:
        """Return what was stored."""
        try:
            return self._file(name).read_bytes()
        except OSError as error:
            raise BlobUnavailable(
                f"Expected blob {name} in {self._folder}, but {error}; set HEADRACE_BLOBS alike for all processes, and "
                "clean up only what is older than any workflow"
            ) from error

    def clean(self, before: float, *, dry_run: bool = False) -> Cleaned:
        """Remove what is old, and what a process has left half written."""
        count = size = 0
        try:
            for file in sorted(self._folder.glob("??/*")):
                found = file.stat()
                if found.st_mtime < before:
                    count, size = count + 1, size + found.st_size
                    if not dry_run:
                        file.unlink(missing_ok=True)
        except OSError as error:
            raise BlobUnavailable(f"Expected to clean up {self._folder}, but {error}") from error
        return Cleaned(count, size)

    def _file(self, name: str) -> Path:
        return self._folder / name[7:9] / name  # a folder for each first byte of the hash: none has too many files


class FsspecBlobs:
    """Blobs in any store that `fsspec` knows, by its URL: `s3://bucket/folder`, `gs://...`, `memory://...`."""

    def __init__(self, url: str) -> None:
        """Raise BlobUnavailable when the package for the URL's store is not installed."""
        try:
            import fsspec
        except ImportError as error:
            raise BlobUnavailable(
                f"Expected fsspec for HEADRACE_BLOBS={url}, but it is not installed; install headrace[blobs] and the "
                "store's own package"
            ) from error
        self._url = url.rstrip("/")
        try:
            self._store: Any
            self._store, self._path = fsspec.core.url_to_fs(self._url)
        except (ImportError, ValueError) as error:
            raise BlobUnavailable(f"Expected a store at HEADRACE_BLOBS={url}, but {error}") from error

    def put(self, name: str, data: bytes) -> None:
        """Store; stores of objects show either all of it or nothing."""
        try:
            self._store.makedirs(f"{self._path}/{name[7:9]}", exist_ok=True)
            self._store.pipe_file(self._file(name), data)
        except Exception as error:
            raise BlobUnavailable(f"Expected to store {len(data)} bytes at {self._url}, but {error}") from error

    def get(self, name: str) -> bytes:
        """Return what was stored."""
        try:
            data: bytes = self._store.cat_file(self._file(name))
        except Exception as error:
            raise BlobUnavailable(
                f"Expected blob {name} at {self._url}, but {type(error).__name__}: {error}"
            ) from error
        return data

    def clean(self, before: float, *, dry_run: bool = False) -> Cleaned:
        """Remove what is old."""
        count = size = 0
        try:
            self._store.invalidate_cache()
            for file, found in self._store.find(self._path, detail=True).items():
                if self._store.modified(file).timestamp() < before:
                    count, size = count + 1, size + int(found["size"])
                    if not dry_run:
                        self._store.rm_file(file)
        except Exception as error:
            raise BlobUnavailable(f"Expected to clean up {self._url}, but {type(error).__name__}: {error}") from error
        return Cleaned(count, size)

    def _file(self, name: str) -> str:
        return f"{self._path}/{name[7:9]}/{name}"


class MemoryBlobs:
    """Blobs in this process: for tests."""

    def __init__(self) -> None:
        self._stored: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        """Store."""
        self._stored[name] = data

    def get(self, name: str) -> bytes:
        """Return what was stored."""
        if name not in self._stored:
            raise BlobUnavailable(f"Expected blob {name}, but it was never stored here")
        return self._stored[name]

    def clean(self, before: float, *, dry_run: bool = False) -> Cleaned:
        """Remove nothing: it ends with its test."""
        return Cleaned(0, 0)

    def __len__(self) -> int:
        return len(self._stored)


def blobs_at(url: str, folder: Path) -> Blobs | None:
    """Return the store of a URL: `folder` where it is empty, None where it is `off`. Raises `BlobUnavailable`."""
    if url == OFF:
        return None
    if not url:
        return FolderBlobs(folder)
    if url.startswith("file://"):
        return FolderBlobs(Path(url.removeprefix("file://")))
    if "://" not in url:
        return FolderBlobs(Path(url))
    return FsspecBlobs(url)
