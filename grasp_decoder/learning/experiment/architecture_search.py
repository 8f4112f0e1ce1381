"""Searches the architecture of the object network of an experiment."""

from __future__ import annotations

import hashlib
from pathlib import Path

from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.features.splits import Split
from grasp_decoder.learning.experiment.experiment import Experiment
from grasp_decoder.learning.experiment.progress_report import ProgressReport
from grasp_decoder.learning.models.search import search
from grasp_decoder.learning.models.seed_bilstm import Architecture
from grasp_decoder.learning.models.training import FitProblem


def search_architecture(
    experiment: Experiment, split: Split, state: int, seconds: float, folder: Path, progress: ProgressReport
) -> Architecture | None:
    """Search on one split; None in a worker.

    Args:
        state: random state of the split, and seed of the search.
        seconds: for the whole search.
        folder: keeps the finished trials of this experiment, and of others.
    """
    problem = FitProblem(
        OBJECT,
        split.train,
        split.validation,
        split.classes,
        experiment.look_back,
        state,
        progress.stage(f'search, split {state}'),
        seconds,
    )
    return search(problem, experiment.settings.search_trials, folder, _project(experiment, state), progress.say)


def _project(experiment: Experiment, state: int) -> str:
    """Name of what is searched: the same trials, bins and seed have the same."""
    settings = experiment.settings
    identity = (
        experiment.session.source_sha256,
        settings.bin_ns,
        experiment.look_back,
        sorted(settings.objects.copies.items()),
        settings.protocol,
        state,
        settings.train_fractions[0],
    )
    return hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
