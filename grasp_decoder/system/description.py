# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The running system as plain data: which nodes start, with which parameters.

``launch/replay_decode.launch.py`` and `run_nodes` both start what `node_descriptions` gives.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from grasp_decoder.share import share_directory
from grasp_decoder.sources.spike_system import SystemSettings
from grasp_decoder.system.replay_options import SIMULATED, ReplayedTrials, ReplayOptions

# At full speed no latency has to be low, and long batches are the fastest.
FULL_SPEED_BATCH_MS = 40.0


@dataclass(frozen=True)
class NodeDescription:
    """One node: its executable (which is also its name), its parameter files in order, and parameters on top.

    ``namespace`` is absolute, such as ``/left``; ``/`` for none.
    """

    executable: str
    parameter_files: tuple[str, ...]
    parameters: dict[str, object]
    namespace: str = '/'

    @property
    def enclave(self) -> str:
        """Where SROS2 finds its keys, if that is set up: its name with its namespace."""
        return f'{self.namespace.rstrip("/")}/{self.executable}'


def node_descriptions(options: ReplayOptions) -> list[NodeDescription]:
    """The nodes of a run. Those that listen start before those that publish."""
    # When no catalogue of objects is given here, a parameter file may still name one.
    objects = {'objects': options.objects} if options.objects else {}
    nodes: dict[str, dict[str, object]] = {
        'hand_bridge': {**_feedback(options.hand), **objects},
        'decoder': {'bundle': options.bundle},
    }
    to_mcap = options.record.endswith('.mcap')
    if to_mcap:
        nodes = {'recorder': {'file': options.record}, **nodes}
    if options.lsl_outlet or options.zmq_outlet:
        nodes = {'outlet': {'lsl': options.lsl_outlet, 'zmq': options.zmq_outlet}, **nodes}
    if options.adapter:
        nodes = {'adapter': {'bundle': options.bundle, **objects}, **nodes}
    if options.view:
        nodes = {'viewer': {**objects}, **nodes}
    if options.hand != 'none':
        # At speed 0 a simulation in real time has no pace to keep.
        speed = options.speed if options.clock == SIMULATED else options.speed or 1.0
        nodes = {'simulated_hand': {'simulator': options.hand, 'speed': speed, **objects}, **nodes}
    if options.source == 'replay':
        replayed = {each.name: getattr(options, each.name) for each in fields(ReplayedTrials)}
        if not options.objects:
            del replayed['objects']
        if options.clock == SIMULATED:
            replayed['speed'] = 1.0  # in the time of the simulated world
        # The replayer waits for all subscribers of spikes, and then for the monitor, which starts it.
        listeners = 3 + to_mcap + options.view + options.adapter
        monitored = {
            'hand': options.hand,
            'listeners': listeners,
            'result': options.result,
        }
        if not to_mcap:  # beside it a parameter file may still name a file of the monitor's own
            monitored['record'] = options.record
        started: dict[str, object] = {'start_paused': True, 'subscribers': listeners}
        if not replayed['speed']:
            started['batch_ms'] = FULL_SPEED_BATCH_MS
        nodes = {'run_monitor': {**replayed, **monitored}, **nodes, 'spike_replayer': {**replayed, **started}}
    elif options.source != 'live':
        system = {each.name: value for each in fields(SystemSettings) if (value := getattr(options, each.name))}
        nodes['spike_source'] = {'system': options.source, 'bundle': options.bundle, **system}
    if options.clock == SIMULATED:
        for name in ('simulated_hand', 'hand_bridge'):
            nodes[name]['clock'] = SIMULATED
        nodes = {name: {**parameters, 'use_sim_time': True} for name, parameters in nodes.items()}
    return [
        NodeDescription(name, _parameter_files(name, options.params_file), parameters, options.absolute_namespace)
        for name, parameters in nodes.items()
    ]


def _feedback(hand: str) -> dict[str, object]:
    """What hand_bridge reads of a simulated hand; of another one, its parameter file says that."""
    if hand == 'none':
        return {}
    # Behind the topics of another simulator there is no sensor of contact.
    return {'feedback': True} if hand == 'ros' else {'contact': True}


def _parameter_files(name: str, more: str) -> tuple[str, ...]:
    own = share_directory() / 'config' / f'{name}.yaml'
    return (str(own), *([str(Path(more).absolute())] if more else []))
