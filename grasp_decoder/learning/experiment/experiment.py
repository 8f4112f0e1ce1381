# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""An experiment: what is to be learnt, from which trials, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grasp_decoder.bundle.manifest import Movement
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.features.splits import Split, random_states, split_trials
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.evaluation.baseline_decodes import ALL, NONE
from grasp_decoder.learning.experiment.settings import Settings
from grasp_decoder.learning.models.earlier_sessions import EarlierSession
from grasp_decoder.learning.models.families import ModelFamily
from grasp_decoder.recording.session import Session


@dataclass(frozen=True)
class Experiment:
    """One session, read, binned and checked against the settings.

    Attributes:
        settings: what was asked for.
        session: the recording.
        trials: its usable trials, in bins.
        negatives: trials in which nothing was grasped, or not what the object id says.
        tasks: what is learnt.
        look_back: bins of a window.
        models: task -> model family, by name or as a function; None takes the default.
        movement: what the task ``dof`` decodes; None is the aperture.
        started_from: id of the bundle of another day that training goes on from.
        earlier: sessions of earlier days that the networks learn from as well.
    """

    settings: Settings
    session: Session
    trials: Sequence[TrialBins]
    tasks: tuple[str, ...]
    look_back: int
    models: Mapping[str, str | ModelFamily | None]
    negatives: Sequence[TrialBins] = ()
    movement: Movement | None = None
    started_from: str | None = None
    earlier: Sequence[EarlierSession] = ()

    @property
    def random_states(self) -> list[int]:
        """The random state of each repeat, of its split and of its training."""
        return random_states(self.settings.repeats, self.settings.seed)

    @property
    def step_count(self) -> int:
        """How many steps share the time: fits of networks, searches, and the baselines of each split."""
        settings = self.settings
        steps = len(self.tasks) * (settings.repeats + settings.final)
        if OBJECT in self.tasks:
            fractions, bilstm = len(settings.train_fractions), settings.baselines == ALL
            steps += settings.repeats * (fractions - 1 + (settings.baselines != NONE) + fractions * bilstm)
            if settings.search_trials:
                steps += settings.repeats * fractions + settings.final
        return steps

    def split(self, random_state: int, train_fraction: float | None = None) -> Split:
        """One split of the trials, by default with the first of the training fractions."""
        return split_trials(
            self.trials,
            random_state,
            train_fraction or self.settings.train_fractions[0],
            self.settings.protocol,
            by_object=OBJECT in self.tasks,
            negatives=self.negatives,
        )

    def with_model(self, task: str, model: ModelFamily) -> Experiment:
        """The same experiment with another model for one task."""
        return replace(self, models={**self.models, task: model})
