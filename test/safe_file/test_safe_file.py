# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Files from others are plain and bounded; files of ours appear whole or not at all."""

import errno
import os
import resource

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import open_plain, read_plain, write_new, written_whole


def test_what_might_never_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    for path in (tmp_path / 'pipe', '/dev/zero', tmp_path):
        with pytest.raises(OSError, match='not a plain file'):
            open_plain(path)
    with pytest.raises(FileNotFoundError):
        open_plain(tmp_path / 'absent')


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / 'x').write_bytes(b'12345')
    assert read_plain(tmp_path / 'x', 5) == b'12345'
    with pytest.raises(OSError, match='longer than'):
        read_plain(tmp_path / 'x', 4)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'x'
    with written_whole(path) as file:
        file.write(b'first')
    with pytest.raises(KeyboardInterrupt), written_whole(path) as file:
        file.write(b'sec')
        raise KeyboardInterrupt
    assert path.read_bytes() == b'first' and list(tmp_path.iterdir()) == [path]
    with pytest.raises(GraspDecoderError, match=f'^{path}: cannot be written: No space'), written_whole(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert path.read_bytes() == b'first' and list(tmp_path.iterdir()) == [path]
    umask = os.umask(0o022)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_what_is_no_plain_file_stays_what_it_is(tmp_path):
    link, target = tmp_path / 'link', tmp_path / 'target'
    link.symlink_to(target)
    for path in (link, '/dev/null'):
        with written_whole(path) as file:
            file.write(b'x')
    assert link.is_symlink() and target.read_bytes() == b'x'


def test_a_new_file_that_could_not_be_written_whole_is_not_in_the_way(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))  # as a full disk
    try:
        with pytest.raises(GraspDecoderError, match='key cannot be written'):
            write_new(tmp_path / 'key', b'secret', 0o600)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    write_new(tmp_path / 'key', b'secret', 0o600)
    assert (tmp_path / 'key').read_bytes() == b'secret'
