# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What can be asked of a replay, declared once: options of command lines, launch arguments and parameters of nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.hand.simulator import simulator_names
from grasp_decoder.sources.spike_system import SystemSettings, system_names
from grasp_decoder.types.setting import Settings, setting

SOURCES = ('replay', 'live', *system_names())
HANDS = ('none', *simulator_names(), 'ros')
SPLITS = ('all', 'test')
RECORDS = ('.npz', '.mcap')
REAL, SIMULATED = CLOCKS = ('real', 'simulated')
NAMESPACE = r'/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*'
PATHS = ('session', 'bundle', 'mapping', 'objects', 'params_file', 'result', 'record', 'unit_map')
"""The options that are files or folders."""


def speed_setting(dynamic: bool = False) -> Any:
    """The speed of a replay. With ``dynamic`` it can change while the node runs."""
    description = 'speed relative to real time, from 0.1; 0: as fast as the decoder follows'
    return setting(1.0, description, low=0.0, high=1000.0, dynamic=dynamic)


def clock_setting() -> Any:
    """Whose time it is."""
    description = 'real: time of this machine; simulated: /clock of the simulated hand, which waits for the other nodes'
    return setting(REAL, description, choices=CLOCKS)


@dataclass(frozen=True)
class ObjectSettings(Settings):
    """Which objects there are."""

    objects: str = setting('', 'catalogue of objects; empty: config/objects.yaml of this package')


@dataclass(frozen=True)
class ReplayedTrials(ObjectSettings):
    """Which trials of which recording are replayed, and how fast."""

    session: str = setting('', 'recording to replay')
    mapping: str = setting('', 'mapping YAML of the recording; empty: that of .neo.mat files')
    bundle: str = setting('', 'bundle folder, made by train')
    split: str = setting('all', 'test: only trials that training held out', choices=SPLITS)
    trials: int = setting(0, 'replay only the first so many trials; 0: all', low=0, high=2**31 - 1)
    only_correct: bool = setting(False, 'leave out trials that the recording marks as not correct')
    speed: float = speed_setting()
    clock: str = clock_setting()

    def __post_init__(self):
        super().__post_init__()
        if 0 < self.speed < 0.1:
            raise GraspDecoderError(f'speed {self.speed:g} is too low: give 0, or at least 0.1')


@dataclass(frozen=True)
class ReplayOptions(ReplayedTrials, SystemSettings):
    """All that a user can ask of a run."""

    source: str = setting(
        'replay',
        'where spikes come from: a recording, an acquisition system, or (live) a node of yours',
        choices=SOURCES,
    )
    hand: str = setting('none', 'simulator of the hand', choices=HANDS)
    params_file: str = setting('', 'ROS 2 parameter file; its values replace those of config/*.yaml')
    result: str = setting('', 'JSON file for the result')
    record: str = setting('', '.npz or .mcap file in which to keep the run')
    lsl_outlet: bool = setting(False, 'send decodes and hand states as LSL streams')
    zmq_outlet: str = setting(
        '',
        'ZeroMQ address at which decodes and commands are published as JSON lines, such as tcp://127.0.0.1:5570'
        '; empty: none',
    )
    view: bool = setting(False, 'serve a page that shows the run in a browser, with its e-stop')
    adapter: bool = setting(False, 'make better bundles from the trials of the run meanwhile, and decode with them')
    namespace: str = setting('', 'namespace of all nodes, so that several systems can run in one domain')

    def __post_init__(self):
        super().__post_init__()
        if self.namespace and not re.fullmatch(NAMESPACE, self.namespace):
            raise GraspDecoderError(f"namespace is '{self.namespace}': give a name such as left, or left/hand")
        if self.source != 'replay' and self.result:
            raise GraspDecoderError('result: a live source gives none, as nothing says what was right')
        if self.source != 'replay' and self.record.endswith('.npz'):
            raise GraspDecoderError('record: a live source is recorded as .mcap')
        if self.clock == SIMULATED and self.source != 'replay':
            raise GraspDecoderError('clock: a live source goes on by itself: give clock real')
        if self.clock == SIMULATED and self.adapter:
            raise GraspDecoderError('adapter: it works in real time: give clock real')
        if self.clock == SIMULATED and self.hand in ('none', 'ros'):
            raise GraspDecoderError(
                f"clock: with the hand '{self.hand}' no simulator here sets the clock: give clock real"
            )
        if self.record and not self.record.endswith(RECORDS):
            raise GraspDecoderError(f"a run is recorded as {' or '.join(RECORDS)}, not as '{self.record}'")

    @property
    def absolute_namespace(self) -> str:
        """The namespace with a slash before it; ``/`` for none."""
        return '/' + self.namespace.removeprefix('/')

    def with_absolute_paths(self) -> ReplayOptions:
        """The same, for nodes that may run in another folder."""
        given = {name: path for name in PATHS if (path := getattr(self, name))}
        absolute: dict[str, Any] = {name: str(Path(path).absolute()) for name, path in given.items()}
        return replace(self, **absolute)
