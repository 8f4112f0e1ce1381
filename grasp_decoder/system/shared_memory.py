# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Shared memory that killed nodes have left: Fast DDS gives it back only when a node ends by itself."""

import fcntl
from pathlib import Path

_FOLDER = Path('/dev/shm')


def left_behind() -> list[Path]:
    """Segments of Fast DDS whose node has gone. A node that lives holds a lock beside each of its own."""
    found = []
    for lock in _FOLDER.glob('fastrtps_*_el'):
        segment = lock.with_name(lock.name.removesuffix('_el'))
        try:
            with open(lock) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # held, gone by now, or another user's
            continue
        if segment.exists():
            found.append(segment)
    return found
