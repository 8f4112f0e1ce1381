# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Who may see a running system: this machine alone, unless the user asks for more."""

from __future__ import annotations

import os

DISCOVERY_RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
"""Where DDS looks for other nodes: LOCALHOST, SUBNET or OFF. It is ROS 2's own variable, and the one switch."""


def ros_domain() -> str:
    """The ROS domain of this process, as it was given; '0' where none is."""
    return os.environ.get('ROS_DOMAIN_ID') or '0'


def stay_on_this_machine() -> None:
    """Have the nodes of this process, and of those that it starts, found on this machine only.

    What the user has set in the environment stays.
    """
    os.environ.setdefault(DISCOVERY_RANGE, 'LOCALHOST')
