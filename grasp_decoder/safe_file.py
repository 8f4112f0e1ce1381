# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Files that come from others, and files that must not be lost.

What is read is a plain file of a sensible length. What is written appears whole or not at all.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from grasp_decoder.errors import GraspDecoderError

MIB = 1 << 20

PRIVATE = 0o600
"""Mode of a file that only the user may read."""


def open_plain(path: str | Path) -> BufferedReader:
    """Open a file for reading, if it is one: a pipe or a device might never end, or never begin.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    # Without O_NONBLOCK the opening of a pipe waits until somebody writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, 'it is not a plain file')
    return open(descriptor, 'rb')


def read_plain(path: str | Path, most_bytes: int) -> bytes:
    """The content of a plain file.

    Raises:
        OSError: as `open_plain`, or it has more than ``most_bytes``.
    """
    with open_plain(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f'it is longer than {most_bytes / MIB:g} MiB')
    return content


@contextmanager
def written_whole(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write to, which gets the name ``path`` when the body has ended without an error.

    Until then what had that name stays as it is, also in a crash of the process or the machine.

    Raises:
        GraspDecoderError: it cannot be written.
    """
    try:
        with _named_at_the_end(Path(path)) as file:
            yield file
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot be written: {error.strerror}') from None


@contextmanager
def _named_at_the_end(path: Path) -> Iterator[BinaryIO]:
    if path.is_symlink() or (path.exists() and not path.is_file()):  # such as /dev/stdout: it must stay what it is
        with open(path, 'wb') as file:
            yield file
        return
    scratch = path.with_name(f'.new_{os.getpid()}_{secrets.token_hex(4)}')
    try:
        with open(scratch, 'xb') as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    _flush(path.parent)


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that was not there, with this mode from its first byte on.

    Raises:
        GraspDecoderError: it is there, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(descriptor, 'wb') as file:
                file.write(content)
        except OSError:
            path.unlink()  # half a key would be in the way of the next try
            raise
    except FileExistsError:
        raise GraspDecoderError(f'{path} exists: name another file, or remove it') from None
    except OSError as error:
        raise GraspDecoderError(f'{path} cannot be written: {error.strerror}') from error


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file with `written_whole`.

    Raises:
        ValueError: the content has NaN or infinity.
        GraspDecoderError: it cannot be written.
    """
    text = json.dumps(content, indent=1, allow_nan=False) + '\n'
    with written_whole(path) as file:
        file.write(text.encode())


def flush_folder(folder: Path) -> None:
    """Have the files in a folder and below it on the disk, and their names."""
    for path in (*folder.rglob('*'), folder):
        _flush(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
