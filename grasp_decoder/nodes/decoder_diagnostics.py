# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the decoder says about itself on /diagnostics."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from grasp_decoder.decoding.live_decoder import LiveDecoder
from grasp_decoder.nodes.audit import Audit
from grasp_decoder.nodes.diagnostics import PERIOD_S, Diagnostics, stage_values, status
from grasp_decoder.nodes.sole_publisher import SolePublisher
from grasp_decoder.nodes.topics import count_publishers, full_name
from grasp_decoder.system.interfaces import DECODED_GRASP, SPIKES

LISTED_UNITS = 40


class DecoderDiagnostics:
    """Six statuses: stream of spikes, what the input is like, latencies, back end, audit log, connections."""

    def __init__(self, node: Node, live: LiveDecoder, audit: Audit, renew_info: Callable[[], None]):
        """``renew_info`` is called before each publication."""
        self._node = node
        self._decoder = live.decoder
        self._times = live.times
        self._audit = audit
        self._renew_info = renew_info
        self._sources = full_name(node, SPIKES)
        self._sole = SolePublisher(node, DECODED_GRASP)
        self._last = self._troubles(), 0, self._decoder.health.bins
        self._overruns = self._foreign = 0
        self._diagnostics = Diagnostics(node, self._statuses, needs=(SPIKES,))

    def _statuses(self) -> list[DiagnosticStatus]:
        self._renew_info()
        return [self._stream(), self._input(), self._latency(), self._back_end(), self._audit.status()]

    def _troubles(self) -> int:
        health = self._decoder.health
        counts = (
            health.lost_batches,
            health.late_batches,
            health.rejected,
            health.clock_jumps,
            health.restarts,
            health.foreign,
        )
        return sum(counts)

    def _trouble(self) -> str:
        foreign, self._foreign = self._decoder.health.foreign - self._foreign, self._decoder.health.foreign
        return f'{foreign} batches of another source refused' if foreign else 'batches are missing'

    def _stream(self) -> DiagnosticStatus:
        health = self._decoder.health
        troubles, spikes, bins = self._last
        self._last = self._troubles(), health.spikes, health.bins
        sources = count_publishers(self._node, SPIKES)
        level, summary = DiagnosticStatus.OK, 'complete'
        if self._troubles() != troubles:
            level, summary = DiagnosticStatus.ERROR, health.last_rejection or self._trouble()
        elif sources > 1:
            level, summary = (
                DiagnosticStatus.WARN,
                f'{sources} sources publish {self._sources}: stop all but one',
            )
        elif self._sole.others:
            level = DiagnosticStatus.WARN
            summary = f'another decoder publishes {self._sole.topic_name}: stop all but one'
        elif health.bins == bins:
            level, summary = DiagnosticStatus.STALE, 'no bin in the last second'
        return status(
            'decoder: spikes',
            level,
            summary,
            {
                'spikes per second': round((health.spikes - spikes) / PERIOD_S),
                'bins per second': round((health.bins - bins) / PERIOD_S),
                'bins': health.bins,
                'lost batches': health.lost_batches,
                'lost bins': health.lost_bins,
                'late batches': health.late_batches,
                'late spikes': health.late_spikes,
                'duplicate batches': health.duplicates,
                'reordered batches': health.reordered,
                'rejected batches': health.rejected,
                'last rejection': health.last_rejection,
                'clock jumps': health.clock_jumps,
                'source restarts': health.restarts,
                'batches of another source': health.foreign,
            },
        )

    def _input(self) -> DiagnosticStatus:
        monitor, drift = self._decoder.monitor, self._decoder.drift
        state, dead, runaway = self._decoder.input_state, monitor.dead_units(), monitor.runaway_units()
        level, summary = DiagnosticStatus.OK, 'as in training'
        if state.reason:
            level, summary = DiagnosticStatus.ERROR, f'not the input that was learnt: {state.reason}'
        elif dead or runaway:
            level, summary = DiagnosticStatus.WARN, f'decoding without {len(dead) + len(runaway)} units'
        return status(
            'decoder: input',
            level,
            summary,
            {
                'validity': f'{state.validity:.2f}',
                'activity relative to training': f'{state.gain:.2f}',
                'drift taken back': 'not tracked' if drift is None else f'{drift:.2f}',
                'units that others stand in for': int((~state.living).sum()),
                'dead units': _listed(dead),
                'runaway units': _listed(runaway),
            },
        )

    def _latency(self) -> DiagnosticStatus:
        level, summary = DiagnosticStatus.OK, 'bin edge to published decode'
        if self._times.overruns > self._overruns:
            level, summary = DiagnosticStatus.WARN, 'bins take longer than they last: the decoder falls behind'
        self._overruns = self._times.overruns
        return status('decoder: latency', level, summary, stage_values(self._times))

    def _back_end(self) -> DiagnosticStatus:
        engines = self._decoder.engines
        level, summary = DiagnosticStatus.OK, 'as asked for'
        if engines.fault:
            level, summary = DiagnosticStatus.WARN, engines.fault
        return status('decoder: back end', level, summary, {'bundle': engines.bundle.id, **engines.backends})


def _listed(units: list[int]) -> str:
    """Numbers of units, the first of them when there are many."""
    shown = ' '.join(map(str, units[:LISTED_UNITS]))
    return f'{len(units)}: {shown}{" ..." if len(units) > LISTED_UNITS else ""}' if units else 'none'
