"""What every outlet can do."""

from __future__ import annotations

from typing import Protocol

from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.hand_command import HandCommand


class Outlet(Protocol):
    """A way out of ROS. It never waits for those who listen."""

    def send_decode(self, decode: DecodedGrasp) -> None:
        """Send the decode of one bin."""

    def send_command(self, command: HandCommand) -> None:
        """Send what the hand shall do."""

    def close(self) -> None:
        """End it."""
