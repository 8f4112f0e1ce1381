"""Who may see a running system: this machine alone, unless the user asks for more."""

from __future__ import annotations

import os

DISCOVERY_RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
"""Where DDS looks for other nodes: LOCALHOST, SUBNET or OFF. It is ROS 2's own variable, and the one switch."""


def stay_on_this_machine() -> None:
    """Have the nodes of this process, and of those that it starts, found on this machine only.

    What the user has set in the environment stays.
    """
    os.environ.setdefault(DISCOVERY_RANGE, 'LOCALHOST')
