# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Which trials of a session are replayed or evaluated: all of them, or those that a bundle's training held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial

if TYPE_CHECKING:
    from grasp_decoder.bundle.manifest import Manifest


def select_trials(
    session: Session, manifest: Manifest | None, split: str = 'all', count: int = 0, only_correct: bool = False
) -> list[Trial]:
    """The trials to replay or evaluate, in the order of the session; in a run, a trial's position is its segment.

    Args:
        manifest: of the bundle that decodes; only ``test`` needs it.
        split: ``test`` takes those that the bundle's training held out, or all of a session that it never saw; ``all``
            takes every trial of the file.
        count: at most so many, from the first; 0 for all.
        only_correct: leave out those that the recording marks as not correct.

    Raises:
        GraspDecoderError: no trial is left, or ``test`` without a bundle.
    """
    held_out = None
    if split == 'test':
        if manifest is None:
            raise GraspDecoderError('the test trials are named by a bundle: give the one that decodes')
        held_out = manifest.held_out_trials(session.source_sha256)
        if held_out == ():
            raise GraspDecoderError(
                f'bundle {manifest.name} held out no trial of session {session.name}: it was fitted on all of them; '
                'use --split all, or another session'
            )
    trials = [
        trial
        for trial in session.trials
        if (held_out is None or trial.id in held_out) and not (only_correct and trial.correct is False)
    ]
    if not trials:
        raise GraspDecoderError(f'session {session.name}: no trial is left: choose others, or --split all')
    return trials[:count] if count else trials
