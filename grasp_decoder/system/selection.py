"""Which trials of a session a run replays, in order; a trial's position in the list is its segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial

if TYPE_CHECKING:
    from grasp_decoder.bundle.manifest import Manifest


def select_trials(session: Session, manifest: Manifest, split: str = 'all', count: int = 0) -> list[Trial]:
    """The trials of a run.

    Args:
        split: ``test`` takes those that the bundle's training held out, or all of a session that it never saw; ``all``
            takes every trial of the file.
        count: at most so many, from the first; 0 for all.

    """
    held_out = manifest.held_out_trials(session.source_sha256) if split == 'test' else None
    trials = list(session.trials) if held_out is None else [session.trials[number] for number in sorted(held_out)]
    if not trials:
        raise GraspDecoderError(f'{session.name}: no trial to replay: the bundle held none out; use --split all')
    return trials[:count] if count else trials
