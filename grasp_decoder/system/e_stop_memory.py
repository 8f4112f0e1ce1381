# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""EStopMemory: an e-stop that was pressed stays pressed when hand_bridge is started again."""

from __future__ import annotations

from pathlib import Path

from grasp_decoder.share import state_directory
from grasp_decoder.system.network import ros_domain


class EStopMemory:
    """A file that exists from the moment the e-stop is pressed until it is reset, for each ROS domain and node name."""

    def __init__(self, node: str):
        """``node``: fully qualified name of the node, such as ``/left/hand_bridge``."""
        domain = ros_domain()
        self._path: Path = state_directory() / f'e_stop_{domain}{node.replace("/", "_")}'

    @property
    def pressed(self) -> bool:
        """Whether the e-stop was pressed and not reset since; also true when that cannot be found out."""
        try:
            self._path.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def remember(self, pressed: bool) -> None:
        """Keep whether the e-stop is pressed.

        Raises:
            OSError: it cannot be kept.
        """
        if pressed:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        else:
            self._path.unlink(missing_ok=True)
