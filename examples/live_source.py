# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""An acquisition system of your own as a plug-in: here it is a made-up population.

A plug-in says what has come, and how far its clock is from CLOCK_MONOTONIC; windows, late spikes, a wrong clock and a
system that ends are seen to. docs/sources.md tells how to name it in an entry point, so that `source:=NAME` starts it.

    ./run python examples/live_source.py --ros-args -p bundle:=BUNDLE
"""

import random
import time

from grasp_decoder.nodes.life import run_node
from grasp_decoder.nodes.spike_source import SpikeSource
from grasp_decoder.sources.spike_system import Arrived, Spike

RATE_HZ = 10.0


class MadeUpSpikes:
    """Poisson spikes of every unit of the map."""

    def __init__(self, settings, unit_map):
        self._units = unit_map.units
        self._next_ns = time.monotonic_ns()

    def offset_ns(self):
        return 0

    def receive(self, wait_s):
        time.sleep(wait_s)
        arrived = Arrived(alive=True)
        while self._next_ns <= time.monotonic_ns():
            unit = random.choice(self._units)
            arrived.spikes.append(Spike(self._next_ns, unit.channel, unit.sort_code or 0))
            self._next_ns += round(random.expovariate(RATE_HZ * len(self._units)) * 1e9)
        return arrived

    def counts(self):
        return {}

    def close(self):
        pass


if __name__ == '__main__':
    raise SystemExit(run_node(lambda: SpikeSource(MadeUpSpikes)))
