# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""BridgeLock: only one hand_bridge at a time may command a hand on this machine."""

from __future__ import annotations

import fcntl
import os

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import state_directory
from grasp_decoder.system.network import ros_domain


class BridgeLock:
    """A locked file, for each ROS domain and topic of joint targets. The kernel releases it, however its process ends.

    Another user's hand_bridge, or one on another machine, is noticed by its commands.
    """

    def __init__(self, topic: str):
        """``topic``: fully qualified name of the joint targets, such as ``/left/hand/joint_targets``.

        Raises:
            GraspDecoderError: another hand_bridge holds it, or the file cannot be locked.
        """
        path = state_directory() / f'commands_{ros_domain()}{topic.replace("/", "_")}'
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise GraspDecoderError(f'{path}: {error.strerror}; hand_bridge locks this file') from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            process = os.pread(self._file, 20, 0).decode(errors='replace') or 'unknown'
            os.close(self._file)
            raise GraspDecoderError(
                f'{topic}: another hand_bridge commands the hand (process {process}), stop it first'
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another one command the hand."""
        os.close(self._file)
