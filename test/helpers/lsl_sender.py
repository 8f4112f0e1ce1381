# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""``lsl_sender.py SPIKES.npz``: a lab's own program that streams spikes and markers by LSL, in a process of its own.

The file holds ``times_ns`` (ascending, from 0), ``electrode`` and ``sort_code``. They are sent when they are due; time
0 is two seconds after somebody listens, and is printed (ns of LSL's clock). Then comes a marker, and spikes of the
first unit go on until the process is ended.
"""

import sys
import time

import numpy as np
import pylsl

AHEAD_NS = 2_000_000_000


def main() -> None:
    spikes = np.load(sys.argv[1])
    info = pylsl.StreamInfo('test spikes', 'Spikes', 2, pylsl.IRREGULAR_RATE, pylsl.cf_int32, 'sender')
    outlet = pylsl.StreamOutlet(info)
    markers = pylsl.StreamOutlet(pylsl.StreamInfo('test markers', 'Markers', 1, 0, pylsl.cf_string, 'sender markers'))
    while not (outlet.have_consumers() and markers.have_consumers()):
        time.sleep(0.01)
    start_ns = round(pylsl.local_clock() * 1e9) + AHEAD_NS
    print(start_ns, flush=True)
    rows = np.stack([spikes['electrode'], spikes['sort_code']], axis=1).astype(np.int32)
    stamps_s = (start_ns + spikes['times_ns']) / 1e9
    sent = 0
    while sent < len(rows):
        time.sleep(0.001)
        due = np.searchsorted(stamps_s, pylsl.local_clock())
        if due > sent:
            outlet.push_chunk(rows[sent:due].tolist(), stamps_s[sent:due].tolist())
            sent = due
    markers.push_sample(['Start 21'])
    while True:
        outlet.push_sample(rows[0].tolist())
        time.sleep(0.005)


if __name__ == '__main__':
    main()
