# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What every acquisition system can do, and the registry that opens one by its name.

``lsl``, ``openephys`` and ``blackrock`` are built in. A package adds its own by an entry point of the group
``grasp_decoder.sources``: a class or function that is called with `SystemSettings` and a `UnitMap` and returns a
`SpikeSystem`. The name of the entry point is then a value of ``source:=``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.plug_ins import PlugIns
from grasp_decoder.sources.unit_map import UnitMap
from grasp_decoder.types.setting import Settings, setting

SYSTEMS = PlugIns(
    'source',
    'grasp_decoder.sources',
    {
        'lsl': 'grasp_decoder.sources.lsl:open_lsl',
        'openephys': 'grasp_decoder.sources.open_ephys:OpenEphysSystem',
        'blackrock': 'grasp_decoder.sources.blackrock:BlackrockSystem',
    },
)

CONNECT_S = 2.0
"""How long a system that is being opened may wait for the other side."""


@dataclass(frozen=True)
class SystemSettings(Settings):
    """Where an acquisition system is, and what of it is used. ``docs/sources.md`` explains them for each system."""

    address: str = setting(
        '',
        "name of the LSL stream, Open Ephys' HOST:PORT, or Blackrock's device; empty: the only stream of type Spikes, "
        'localhost:5556, HUB1',
    )
    events: str = setting(
        '',
        'trial events: name of the LSL stream of markers, or TTL lines (Blackrock: digital words) such as 1=Start,2=Go'
        '; empty: none',
    )
    unit_map: str = setting(
        '', 'CSV file: channel and sort code of each unit; empty: electrodes and sort codes of the bundle'
    )


class Spike(NamedTuple):
    """One spike.

    Attributes:
        time_ns: on the system's own clock.
        channel: number or name of the electrode, as the system calls it.
        sort_code: of the unit on that channel; 0 if it was not sorted.
    """

    time_ns: int
    channel: str
    sort_code: int


class Marker(NamedTuple):
    """What happened in the task: ``LABEL`` or ``LABEL OBJECT_ID``, at a time of the system's own clock, ns."""

    time_ns: int
    text: str


@dataclass
class Arrived:
    """What has come from a system.

    Attributes:
        spikes, markers: in any order.
        alive: whether something came that proves that the system records, even if it was no spike.
        lost: messages that went missing on the way, as far as the system can tell.
    """

    spikes: list[Spike] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    alive: bool = False
    lost: int = 0


def numbered_labels(text: str) -> dict[int, str]:
    """Labels of TTL lines or of digital words: ``1=Start,2=Go``.

    Raises:
        GraspDecoderError: it is something else.
    """
    labels = {}
    for each in filter(None, text.split(',')):
        number, _, label = each.partition('=')
        if not number.strip().isdecimal() or not label.strip():
            raise GraspDecoderError(f"events is '{text}': it must be NUMBER=LABEL,NUMBER=LABEL, such as 1=Start,2=Go")
        labels[int(number)] = label.strip()
    return labels


class SystemLost(Exception):
    """The system is not there, or not any more. The text says why and what to do; it is opened again and again."""


class SpikeSystem(Protocol):
    """A connection to an acquisition system. To make one takes `CONNECT_S` at most, or raises `SystemLost`."""

    def offset_ns(self) -> int:
        """CLOCK_MONOTONIC minus the system's clock, as known by now, ns. Asked for hundreds of times in a second.

        Raises:
            SystemLost: the system is gone.
        """

    def receive(self, wait_s: float) -> Arrived:
        """Give what has come since the last call; wait for it, but no longer than ``wait_s``.

        Raises:
            SystemLost: the system is gone.
        """

    def counts(self) -> dict[str, object]:
        """What else people should see on /diagnostics, as known by now; it is asked for in another thread."""

    def close(self) -> None:
        """End the connection."""


OpenSystem = Callable[[SystemSettings, UnitMap], SpikeSystem]


def system_names() -> tuple[str, ...]:
    """Names of all systems, those built in first."""
    return SYSTEMS.names()


def find_system(name: str) -> OpenSystem:
    """What opens the system of this name; its library is imported only now.

    Raises:
        GraspDecoderError: there is no system of this name, or it cannot be imported.
    """
    opener: OpenSystem = SYSTEMS.load(name)
    return opener
