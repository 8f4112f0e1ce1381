# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Small Neo blocks for tests of reading, and how they are written."""

import neo
import numpy as np
import quantities as pq

EVENTS = {'Start': 0.0, 'Cue': 0.2, 'Go': 0.3, 'Hold': 0.5, 'Rew': 0.8, 'End': 0.9}


def make_segment(start_s=5.0, units=3, object_id=21, correct=1, events=EVENTS, length_s=1.0, spikes=20, seed=0):
    """One trial; ``spikes`` per unit. An annotation that is None is left out."""
    rng = np.random.default_rng(seed)
    annotations = {'obj': object_id, 'correct': correct}
    segment = neo.Segment(**{name: value for name, value in annotations.items() if value is not None})
    labels = np.array([label.ljust(8) for label in events], dtype='U8')
    segment.events.append(neo.Event((start_s + np.array(list(events.values()))) * pq.s, labels=labels))
    for unit in range(units):
        times = np.sort(rng.uniform(start_s, start_s + length_s, spikes)).astype(np.float32)
        segment.spiketrains.append(
            neo.SpikeTrain(
                np.clip(times, start_s, start_s + length_s) * pq.s,
                t_start=start_s * pq.s,
                t_stop=(start_s + length_s) * pq.s,
                electrode=unit // 2,
                u=unit % 2 + 1,
                area='M1',
            )
        )
    return segment


def make_block(*segments, name=None):
    block = neo.Block(name=name)
    block.segments.extend(segments)
    return block


def write_mat(block, path, **options):
    neo.io.NeoMatlabIO(str(path)).write_block(block, **options)
    return path
