# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions without what could tell whose they are or when they were recorded, and a report of what that was."""

from __future__ import annotations

import hmac
from dataclasses import replace
from pathlib import Path
from typing import Any

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.recorded_texts import Texts
from grasp_decoder.recording.session import Session
from grasp_decoder.safe_file import MIB, read_plain
from grasp_decoder.types.time import NS_PER_S

EVENTS = frozenset(('Start', 'Rest', 'FixLOn', 'Fix', 'Cue', 'Mem', 'React', 'Go', 'Hold', 'Rew', 'Intert', 'End'))
"""Labels of the paper's task, which say only what happened in a trial. Others may be notes of a person."""

LEAST_KEY_BYTES = 32


def read_key(path: Path) -> bytes:
    """The secret of a laboratory.

    Raises:
        GraspDecoderError: it cannot be read, or is too short to be a secret.
    """
    try:
        key = read_plain(path, MIB)
    except OSError as error:
        raise GraspDecoderError(f'key {path} cannot be read: {error.strerror}') from error
    if len(key) < LEAST_KEY_BYTES:
        raise GraspDecoderError(
            f'key {path} has {len(key)} bytes, and must have {LEAST_KEY_BYTES}: openssl rand -out {path} 32 makes one'
        )
    return key


def pseudonym(session: Session, key: bytes | None) -> str:
    """A name that only who has the key can make from the recording: HMAC-SHA256 (RFC 2104) of its hash."""
    if key is None:
        return 'session'
    return f'session_{hmac.digest(key, session.source_sha256.encode(), "sha256").hex()[:16]}'


def deidentified(session: Session, key: bytes | None = None) -> Session:
    """The same spikes, events and signals, under no name and on a clock that starts at 0.

    Args:
        session: the recording.
        key: of the laboratory, for a name by which it can find the recording again; without one, all have the same.
    """
    names = event_names(session)
    origin = session.trials[0].start_ns
    moved = (trial.moved(-origin) for trial in session.trials)
    trials = tuple(
        replace(trial, events={names[label]: time for label, time in trial.events.items()}) for trial in moved
    )
    return replace(session, name=pseudonym(session, key), trials=trials, source_sha256='', remarks=())


def event_names(session: Session) -> dict[str, str]:
    """What events are called: those that a person has named get a number, in the order in which they come."""
    labels = dict.fromkeys(label for trial in session.trials for label in trial.events)
    others = [label for label in labels if label not in EVENTS]
    return {label: f'event_{others.index(label) + 1}' if label in others else label for label in labels}


def report(session: Session, key: bytes | None, before: Texts, after: Texts) -> dict[str, Any]:
    """What was removed. It says who it was, so it stays where the recording stays.

    Args:
        session: the recording.
        key: see `deidentified`.
        before, after: what the recording says, where that can be listed, and what the written file says.

    Returns:
        ``name`` (the new one), ``sha256`` of the recording, ``clock_s`` (when its first trial began), ``events`` (label
        -> new one, where it changed), and by place the texts that were ``removed`` and those that were ``kept``.
    """
    kept = set[str]().union(*after.values())
    gone = {place: sorted(texts - kept) for place, texts in sorted(before.items())}
    return {
        'name': pseudonym(session, key),
        'sha256': session.source_sha256,
        'clock_s': session.trials[0].start_ns / NS_PER_S,
        'events': {label: name for label, name in event_names(session).items() if label != name},
        'removed': {place: texts for place, texts in gone.items() if texts},
        'kept': {place: sorted(texts) for place, texts in sorted(after.items())},
    }
