# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""spike_source: the spikes of an acquisition system as /spikes, its markers as /trial_events.

The system is a plug-in: lsl, openephys, blackrock or one of another package. Which channel and sort code is which unit
is first compared with the bundle. While the system is away or its clock is wrong, nothing is sent, and the hand is
SAFE.
"""

from __future__ import annotations

from functools import partial

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.nodes.conversion import spike_batch_message, trial_event_message
from grasp_decoder.nodes.diagnostics import Diagnostics, status
from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.parameters import declare
from grasp_decoder.nodes.real_time import RealTime
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.spin import spin
from grasp_decoder.nodes.topics import advertise
from grasp_decoder.sources.live_source import LiveSource
from grasp_decoder.sources.spike_system import OpenSystem, find_system
from grasp_decoder.sources.unit_map import UnitMap, read_unit_map, unit_map_of
from grasp_decoder.sources.windows import Timing
from grasp_decoder.system.interfaces import SPIKES, TRIAL_EVENTS
from grasp_decoder.system.node_settings import RealTimeSettings, SourceSettings
from grasp_decoder.types.time import NS_PER_MS, to_ns


class SpikeSource(Node):
    """Wires a `LiveSource` to topics; the main thread receives and publishes (`_work`).

    Args:
        open_system: opens the system; None takes the one that the parameter names.
    """

    def __init__(self, open_system: OpenSystem | None = None):
        super().__init__('spike_source')
        self._settings = settings = declare(self, SourceSettings)
        self._real_time = RealTime(self, declare(self, RealTimeSettings))
        opener = find_system(settings.system) if open_system is None else open_system
        unit_map = self._unit_map()
        timing = Timing(
            round(settings.batch_ms * NS_PER_MS), round(settings.delay_ms * NS_PER_MS), int(to_ns(settings.silence_s))
        )
        self._source = LiveSource(partial(opener, settings, unit_map), unit_map, timing)
        self._said = self._source.trouble
        self._left_out = 0
        self._spikes = advertise(self, SPIKES)
        self._events = advertise(self, TRIAL_EVENTS)
        self._sole = SolePublisher(self, SPIKES)
        self._diagnostics = Diagnostics(self, self._statuses)

    def run(self) -> None:
        """Send what the system gives until ROS shuts down."""
        self._real_time.apply()
        try:
            spin(self, self._work, beside=self._real_time.step_back)
        finally:
            self._source.close()

    def _unit_map(self) -> UnitMap:
        settings = self._settings
        if not settings.bundle:
            raise GraspDecoderError('spike_source: parameter bundle is empty: give the bundle that decodes')
        units = load_bundle(settings.bundle).manifest.units
        if settings.unit_map:
            unit_map = read_unit_map(settings.unit_map)
            unit_map.check(units, settings.bundle)
        else:
            unit_map = unit_map_of(units, settings.bundle)
        if any(unit.electrode is None for unit in units):
            self.get_logger().warning(
                f'{settings.bundle} does not say the electrodes of its units: {unit_map.name} cannot be checked'
            )
        return unit_map

    def _work(self) -> bool:
        name = self._settings.system or 'live'
        batch = self._source.next_batch()
        if batch is not None:
            self._spikes.publish(spike_batch_message(batch, name))
        for event in self._source.take_events():
            self._events.publish(trial_event_message(event, name))
        self._say(self._source.trouble)
        return True

    def _say(self, trouble: str) -> None:
        if trouble != self._said:
            self._said = trouble
            if trouble:
                self.get_logger().error(f'no spikes are sent: {trouble}')
            else:
                self.get_logger().info('spikes are sent')

    def _statuses(self) -> list[DiagnosticStatus]:
        health, trouble = self._source.health, self._source.trouble
        left_out = health.late + health.ahead + health.lost
        more, self._left_out = left_out - self._left_out, left_out
        level = DiagnosticStatus.ERROR if trouble else DiagnosticStatus.WARN if more else DiagnosticStatus.OK
        summary = trouble or (f'{more} spikes or messages are left out' if more else 'spikes are sent')
        values = {
            'spikes sent': health.sent,
            'late spikes': health.late,
            'spikes of the future': health.ahead,
            'spikes of no unit': health.unknown,
            'lost messages': health.lost,
            'connections': health.stretches,
            **{f'delay p{q:g} (ms)': f'{health.delay_ms(q / 100):.3f}' for q in (50, 99, 100)},
            **self._source.counts(),
        }
        return [status('spike_source: system', level, summary, values)]


def main(args=None) -> int:
    return run_node(SpikeSource, args)
