"""EStopMemory: an e-stop that was pressed stays pressed when hand_bridge is started again."""

from __future__ import annotations

import os
from pathlib import Path

from grasp_decoder.share import state_directory


class EStopMemory:
    """A file that exists from the moment the e-stop is pressed until it is reset, for each ROS domain and node name."""

    def __init__(self, node: str):
        """``node``: fully qualified name of the node, such as ``/left/hand_bridge``."""
        domain = os.environ.get('ROS_DOMAIN_ID') or '0'
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
