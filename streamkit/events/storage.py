"""Where files are kept: this machine's disk, or an object store reached through fsspec.

`s3://`, `gs://` and `az://` take their credentials and endpoints where the filesystem layers of
the extras take them: the environment and the usual files (`AWS_PROFILE`, `AWS_ENDPOINT_URL`,
`GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_CONNECTION_STRING` and so on).
"""

from __future__ import annotations

import glob
import gzip
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path as FilePath
from typing import IO, TYPE_CHECKING, Any

from streamkit.errors import EventsError

if TYPE_CHECKING:
    import duckdb

__all__ = ["Storage", "format_of", "storage_of"]

URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
EXTRAS = {
    "s3": ("s3", "s3fs"),
    "s3a": ("s3", "s3fs"),
    "gs": ("gcs", "gcsfs"),
    "gcs": ("gcs", "gcsfs"),
    "az": ("azure", "adlfs"),
    "abfs": ("azure", "adlfs"),
    "abfss": ("azure", "adlfs"),
}
"""Extra and package, by the protocol of a URL."""

FORMATS = {
    ".parquet": "Parquet",
    ".ndjson": "NDJSON",
    ".jsonl": "NDJSON",
    ".json": "NDJSON",
    ".csv": "CSV",
}
"""Formats by how a file's name ends, `.gz` behind it left aside."""


def format_of(file: str) -> str | None:
    """What a file's name says it holds; None where it says nothing.

    Example:
        >>> format_of("events/2026-03-01.ndjson.gz"), format_of("README")
        ('NDJSON', None)
    """
    name = file.lower().removesuffix(".gz")
    return next((kind for suffix, kind in FORMATS.items() if name.endswith(suffix)), None)


@dataclass(frozen=True)
class Storage:
    """A place that holds files.

    Args:
        filesystem: An fsspec filesystem; None for this machine's disk.
    """

    filesystem: Any = None

    def register(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a connection read from here."""
        if self.filesystem is not None:
            connection.register_filesystem(self.filesystem)

    def open(self, file: str) -> IO[bytes]:
        """A file's bytes."""
        if self.filesystem is None:
            return FilePath(file).open("rb")
        opened: IO[bytes] = self.filesystem.open(file, "rb")
        return opened

    @contextmanager
    def unpacked(self, file: str) -> Iterator[IO[bytes]]:
        """A file's bytes, unpacked if its name ends in `.gz`."""
        with self.open(file) as opened:
            if not file.lower().endswith(".gz"):
                yield opened
                return
            with gzip.GzipFile(fileobj=opened) as packed:
                yield packed  # type: ignore[misc] # it reads as a binary file does

    def find(self, name: str) -> list[str]:
        """The files that a path, folder or glob stands for, in the order of their paths' bytes.

        Raises:
            EventsError: There is none, or a folder holds text files of two formats.
        """
        if self.filesystem is None:
            return self._find(name, _is_local_file, _is_local_folder, _walk_folder, _glob_local)
        remote = self.filesystem
        protocol = f"{name.split('://', 1)[0]}://"

        def named(found: Sequence[str]) -> list[str]:
            return [protocol + file for file in found]

        try:
            return self._find(
                name,
                remote.isfile,
                remote.isdir,
                lambda folder: named(remote.find(folder)),
                lambda pattern: named(
                    sorted(f for f, info in remote.glob(pattern, detail=True).items()
                           if info["type"] == "file")
                ),
            )  # fmt: skip
        except EventsError:
            raise
        except Exception as error:  # each store's client has errors of its own
            raise EventsError(
                f"{name!r} cannot be listed: {str(error).splitlines()[0][:300] if str(error) else type(error).__name__}",
                code="unreadable",
                hint="check the bucket's name, your credentials and the endpoint",
            ) from error

    def _find(
        self,
        name: str,
        is_file: Callable[[str], bool],
        is_folder: Callable[[str], bool],
        walk: Callable[[str], list[str]],
        match: Callable[[str], list[str]],
    ) -> list[str]:
        if is_file(name):
            return [name]
        if is_folder(name):
            return _one_format(walk(name), name)
        found = match(name)
        if not found:
            raise EventsError(
                f"no file matches {name!r}"
                if glob.has_magic(name)
                else f"no file or folder {name!r}",
                code="no-such-file",
                hint=f"looked in {str(FilePath.cwd())!r}"
                if self.filesystem is None and not FilePath(name).is_absolute()
                else None,
            )
        return sorted(found, key=os.fsencode)


def storage_of(name: str) -> Storage:
    """The storage that a path or URL points into.

    Raises:
        EventsError: A protocol that is not known, or whose extra is not installed.
    """
    url = URL.match(name)
    if url is None:
        return Storage()
    protocol = url.group(1).lower()
    if protocol not in EXTRAS:
        raise EventsError(
            f"{name[:200]!r}: events are not read over {protocol!r}",
            code="unknown-protocol",
            hint="give a path, or one of " + ", ".join(f"{p}://" for p in ("s3", "gs", "az")),
        )
    extra, package = EXTRAS[protocol]
    try:
        return Storage(import_module("fsspec").filesystem(protocol))
    except ImportError as error:
        raise EventsError(
            f"reading {protocol}:// needs the package {package}",
            code="missing-extra",
            hint=f"pip install 'streamkit[{extra}]'",
        ) from error
    except Exception as error:  # each store's client has errors of its own
        raise EventsError(
            f"{protocol}:// cannot be opened: {str(error).splitlines()[0][:300]}",
            code="unreadable",
            hint="check your credentials",
        ) from error


def _is_local_file(name: str) -> bool:
    return FilePath(name).is_file()


def _is_local_folder(name: str) -> bool:
    return FilePath(name).is_dir()


def _walk_folder(folder: str) -> list[str]:
    return [str(file) for file in FilePath(folder).rglob("*") if file.is_file()]


def _glob_local(pattern: str) -> list[str]:
    return [
        file
        for file in glob.glob(pattern, recursive=True)  # noqa: PTH207 # patterns may be absolute
        if FilePath(file).is_file()
    ]


def _one_format(files: Sequence[str], folder: str) -> list[str]:
    """A folder's Parquet files or, if it has none, its text files of one format.

    Hidden files and those of writers' notes (names that start with a dot or underscore) are
    left out.
    """
    by_format: dict[str, list[str]] = {}
    for file in sorted(files, key=os.fsencode):
        inside = file[len(folder) :].strip("/").split("/")
        kind = format_of(file)
        if kind is not None and not any(part[:1] in (".", "_") for part in inside):
            by_format.setdefault(kind, []).append(file)
    if "Parquet" in by_format:
        return by_format["Parquet"]
    if len(by_format) > 1:
        one, other = list(by_format.values())[:2]
        raise EventsError(
            f"the folder {folder!r} holds files of two formats, such as {one[0]!r} and {other[0]!r}",
            code="mixed-formats",
            hint="give a glob that matches those of one format",
        )
    if not by_format:
        raise EventsError(
            f"no Parquet file in the folder {folder!r}",
            code="empty-folder",
            hint="names end in .parquet, .ndjson, .jsonl, .json or .csv (.gz behind is fine);"
            " those and folders that start with '.' or '_' are left out",
        )
    return next(iter(by_format.values()))
