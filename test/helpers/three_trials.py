# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Three trials as three segments, as one long segment and as a table, and how a test reads them."""

from dataclasses import replace

import neo
import numpy as np
import quantities as pq

from grasp_decoder.recording.reading import read_session

from helpers.neo_blocks import EVENTS, make_block, make_segment, write_mat
from helpers.session_equality import assert_same_session

STARTS = 5.0, 8.0, 11.0
OBJECTS = 21, 32, 21

TABLE = 'start_time;stop_time;Start_time;cue_time;Go_time;Hold_time;Rew_time;End_time;obj;correct\n' + ''.join(
    ';'.join(map(str, [start, start + 1, *(start + seconds for seconds in EVENTS.values()), each, 'hit'])) + '\n'
    for start, each in zip(STARTS, OBJECTS)
)


def segments(names=True, **options):
    made = [make_segment(start, object_id=each, seed=3, **options) for start, each in zip(STARTS, OBJECTS)]
    for segment in made if names else ():
        for index, train in enumerate(segment.spiketrains):
            train.name = f'unit {index}'
    return made


def one_long_segment(made, objects=True):
    """The same trials as one long segment, with the object of each as a code, and as epochs."""
    whole = neo.Segment()
    times = [time for segment in made for time in segment.events[0].times.magnitude.tolist()]
    labels = [label.strip() for segment in made for label in segment.events[0].labels.tolist()]
    if objects:
        times += [segment.events[0].times.magnitude[1] for segment in made]
        labels += [str(segment.annotations['obj']) for segment in made]
    whole.events.append(neo.Event(np.array(times) * pq.s, labels=np.array(labels)))
    trials = np.array([train.t_start.item() for train in (each.spiketrains[0] for each in made)])
    whole.epochs.append(
        neo.Epoch(trials * pq.s, np.ones(len(made)) * pq.s, labels=np.array(['x'] * len(made)), name='trial')
    )
    for trains in zip(*(segment.spiketrains for segment in made)):
        spikes = np.concatenate([train.magnitude for train in trains])
        whole.spiketrains.append(
            neo.SpikeTrain(
                spikes * pq.s, t_start=0 * pq.s, t_stop=20 * pq.s, name=trains[0].name, **trains[0].annotations
            )
        )
    return whole


def read(path, mapping, *made, write=write_mat):
    write(make_block(*made, name='x'), path)
    mapping_file = path.with_suffix('.yaml')
    mapping_file.write_text(mapping)
    return read_session(path, mapping_file)


def same_but(session, expected, **changed):
    plain = {'source_sha256': '', 'remarks': ()}
    assert_same_session(replace(session, **plain), replace(expected, **plain, **changed))
