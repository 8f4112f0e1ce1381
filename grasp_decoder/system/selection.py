"""Which trials of a session a run replays, in order; a trial's position in the list is its segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial

if TYPE_CHECKING:
    from grasp_decoder.bundle.manifest import Manifest


def select_trials(
    session: Session, manifest: Manifest | None, split: str = 'all', count: int = 0, only_correct: bool = False
) -> list[Trial]:
    """The trials of a run.

    Args:
        manifest: of the bundle that decodes; only ``test`` needs it.
        split: ``test`` takes those that the bundle's training held out, or all of a session that it never saw; ``all``
            takes every trial of the file.
        count: at most so many, from the first; 0 for all.
        only_correct: leave out those that the recording marks as not correct.

    """
    held_out = None
    if split == 'test':
        if manifest is None:
            raise GraspDecoderError('the test trials are named by a bundle: give the one that decodes')
        held_out = manifest.held_out_trials(session.source_sha256)
    trials = [
        trial
        for trial in session.trials
        if (held_out is None or trial.id in held_out) and not (only_correct and trial.correct is False)
    ]
    if not trials:
        raise GraspDecoderError(f'{session.name}: no trial is left to replay: choose others, or --split all')
    return trials[:count] if count else trials
