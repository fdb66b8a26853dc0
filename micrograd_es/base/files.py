"""Writing a file so that, whatever happens, the old one or the new one is whole."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from errno import EACCES
from pathlib import Path


def write_file(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Puts the content in the place of the file at once; text is written as UTF-8.

    A link stays one, and the file that it leads to is replaced; permissions stay.

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
    temporary = os.path.join(folder, f".{name[:50]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            if old:
                os.chmod(temporary, stat.S_IMODE(old.st_mode) & 0o777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if error.errno:  # the caller knows of this path, and of no temporary one
            raise OSError(error.errno, error.strerror, path) from None
        raise
    finally:
        with suppress(OSError):
            os.unlink(temporary)
    _sync(folder)


def _sync(folder: str) -> None:
    """Has the new name survive a power cut, where a folder can be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
