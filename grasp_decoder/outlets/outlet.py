# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

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
