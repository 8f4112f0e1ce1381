# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What comes on the wire while a session is recorded: spikes and trial events."""

from dataclasses import replace

import numpy as np

from grasp_decoder.recording.batches import batches
from grasp_decoder.types.trial_event import TrialEvent, TrialResult

DELAY_NS = 30_000_000


def stream(session, delay_ns=DELAY_NS, source=7):
    """Batches and events as they come: an event follows the spikes of its time by ``delay_ns``, or precedes them."""
    waiting = [
        TrialEvent(time_ns, trial.id, segment, label, trial.object_id, TrialResult.of(trial.correct))
        for segment, trial in enumerate(session.trials)
        for label, time_ns in trial.events.items()
    ]
    for batch in batches(session, 10_000_000):
        yield replace(batch, source=source)
        while waiting and (waiting[0].segment, waiting[0].stamp_ns + delay_ns) <= (batch.segment, batch.end_ns):
            yield waiting.pop(0)
    yield from waiting


def as_one_segment(session):
    """The recording of a source that never stops, silent between two trials."""
    first, last = session.trials[0], session.trials[-1]
    times, units = (np.concatenate([getattr(each, name) for each in session.trials]) for name in ('times_ns', 'units'))
    return replace(first, stop_ns=last.stop_ns, times_ns=times, units=units)


def feed(collected, messages):
    """Give `CollectedTrials` what comes on the wire."""
    for message in messages:
        if isinstance(message, TrialEvent):
            collected.take_event(message)
        else:
            collected.take_spikes(message)
