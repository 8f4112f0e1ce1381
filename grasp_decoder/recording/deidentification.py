# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions without what could tell whose they are or when they were recorded."""

from __future__ import annotations

from dataclasses import replace

from grasp_decoder.recording.session import Session

ANONYMOUS_NAME = 'session'


def deidentified(session: Session) -> Session:
    """The same spikes, events and signals, under no name and on a clock that starts at 0."""
    origin = session.trials[0].start_ns
    trials = tuple(
        replace(
            trial,
            start_ns=trial.start_ns - origin,
            stop_ns=trial.stop_ns - origin,
            times_ns=trial.times_ns - origin,
            events={label: time - origin for label, time in trial.events.items()},
            signals={name: (times - origin, values) for name, (times, values) in trial.signals.items()},
        )
        for trial in session.trials
    )
    return replace(session, name=ANONYMOUS_NAME, trials=trials, source_sha256='')
