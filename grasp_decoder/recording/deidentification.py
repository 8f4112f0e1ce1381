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
