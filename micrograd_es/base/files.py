"""Writing a file so that, whatever happens, the old one or the new one is whole."""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from pathlib import Path
from typing import Any, BinaryIO

_lock: Callable[[Any, int], None] | None
try:
    from fcntl import LOCK_EX, LOCK_NB
    from fcntl import flock as _lock
except ImportError:  # Windows
    _lock = None
_HOUR = 3600.0


def write_file(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Puts the content in the place of the file at once; text is written as UTF-8.

    A link stays one, and the file that it leads to is replaced; permissions stay, and the
    owner and the group as far as one may give a file away. What a save that was killed has
    left beside the file is taken away.

    Raises
    ------
    OSError
        It cannot be written, and nothing has changed.
    """
    path = os.fsdecode(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        old = os.stat(path)
    except FileNotFoundError:
        old = None
    if old and not stat.S_ISREG(old.st_mode):
        Path(path).write_bytes(data)  # a device or a pipe has nothing to lose; a folder refuses
        return
    if old and not os.access(path, os.W_OK):  # to replace it would take the folder's leave alone
        raise PermissionError(EACCES, os.strerror(EACCES), path)
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    _sweep(folder, name)
    try:
        with _temporary(folder, name) as (temporary, file):
            if old:
                _give(temporary, old)
                os.chmod(temporary, stat.S_IMODE(old.st_mode) & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if not _lock:  # Windows replaces no open file
                file.close()
            os.replace(temporary, target)
    except OSError as error:
        if error.errno:  # the caller knows of this path, and of no temporary one
            raise OSError(error.errno, error.strerror, path) from None
        raise
    _sync(folder)


@contextmanager
def _temporary(folder: str, name: str) -> Iterator[tuple[str, BinaryIO]]:
    """A file to take the place of another; locked, so that nobody sweeps it away."""
    while True:
        path = os.path.join(folder, f".{name[:50]}.{secrets.token_hex(8)}.tmp")
        try:
            with open(path, "xb") as file:
                if _lock:
                    with suppress(OSError):  # where there are no locks, nobody sweeps either
                        _lock(file, LOCK_EX)
                if os.path.exists(path):  # or it was swept before it was locked
                    yield path, file
                    return
        finally:
            with suppress(OSError):
                os.unlink(path)


def _sweep(folder: str, name: str) -> None:
    """Takes away what saves of this file have left that were killed."""
    left = re.compile(rf"\.{re.escape(name[:50])}\.[0-9a-f]{{16}}\.tmp")
    with suppress(OSError):
        for entry in filter(left.fullmatch, os.listdir(folder)):
            with suppress(OSError):
                _sweep_one(os.path.join(folder, entry))


def _sweep_one(path: str) -> None:
    if not _lock:
        if os.stat(path).st_mtime < time.time() - _HOUR:
            os.unlink(path)
        return
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        _lock(descriptor, LOCK_EX | LOCK_NB)  # an error while its writer lives
        os.unlink(path)
    finally:
        os.close(descriptor)


def _give(path: str, old: os.stat_result) -> None:
    """Has the file belong to whom the old one does, or to its group at least."""
    new = os.stat(path)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):  # on Windows all are 0
        for owner in (old.st_uid, -1):
            with suppress(OSError):
                os.chown(path, owner, old.st_gid)
                break


def _sync(folder: str) -> None:
    """Has the new name survive a power cut, where a folder can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
