# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Stream a recording by LSL in real time, trial after trial without end, as a lab's own program streams its spikes.

It begins two seconds after somebody listens to its stream `grasp_decoder example` (--name): electrode and sort code of
each spike. The markers of the task have a stream of their own, with ` markers` at the end of its name.

    ./run python examples/lsl_sender.py SESSION
    ./run listen lsl --bundle BUNDLE --events 'grasp_decoder example markers' --hand mujoco
"""

import argparse
import time

import numpy as np
import pylsl

from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.recording.reading import read_session
from grasp_decoder.sources.unit_map import unit_map_of

AHEAD_NS = 2_000_000_000
RESULTS = {True: ['Correct'], False: ['Error'], None: []}


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('session', metavar='SESSION', help='recording to stream')
    parser.add_argument('--name', default='grasp_decoder example', help='of the stream (default: %(default)s)')
    arguments = parser.parse_args(argv)
    session = read_session(arguments.session)
    units = unit_map_of(session.units, arguments.session).units
    places = np.array([(int(unit.channel), unit.sort_code or 0) for unit in units], np.int32)
    spikes = outlet(arguments.name, 'Spikes', 2, pylsl.cf_int32)
    markers = outlet(f'{arguments.name} markers', 'Markers', 1, pylsl.cf_string)
    while not spikes.have_consumers():
        time.sleep(0.01)
    start_ns = round(pylsl.local_clock() * 1e9) + AHEAD_NS
    print(f'the first trial begins at {start_ns} ns of the LSL clock', flush=True)
    while True:
        for trial in session.trials:
            play(trial, start_ns, places, spikes, markers)
            start_ns += trial.stop_ns - trial.start_ns


def outlet(name, kind, channels, number_format):
    """A stream of irregular rate."""
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, kind, channels, pylsl.IRREGULAR_RATE, number_format, name))


def play(trial, start_ns, places, spikes, markers):
    """Send the spikes and markers of a trial, each when it is due."""
    begin = f'Start {trial.object_id}' if trial.object_id >= 0 else 'Start'
    told = [(trial.start_ns, begin)]
    told += [(time_ns, label) for label, time_ns in trial.events.items() if label != 'Start']
    told += [(trial.stop_ns, result) for result in RESULTS[trial.correct]]
    told = [((time_ns - trial.start_ns + start_ns) / 1e9, text) for time_ns, text in told]
    stamps_s = (trial.times_ns - trial.start_ns + start_ns) / 1e9
    end_s = (trial.stop_ns - trial.start_ns + start_ns) / 1e9
    sent, now_s = 0, 0.0
    while now_s < end_s:
        time.sleep(0.001)
        now_s = pylsl.local_clock()
        due = int(np.searchsorted(stamps_s, now_s))
        if due > sent:
            spikes.push_chunk(places[trial.units[sent:due]].tolist(), stamps_s[sent:due].tolist())
            sent = due
        while told and told[0][0] <= now_s:
            stamp_s, text = told.pop(0)
            markers.push_sample([text], stamp_s)


if __name__ == '__main__':
    raise SystemExit(exit_status(main))
