# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The model families, by the name that ``train --model`` takes.

A family is one function from a `FitProblem` to a fitted `TaskNetwork`. Add one by writing that function in a module of
its own and naming it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from grasp_decoder.bundle.task_network import TaskNetwork
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.learning.models.causal_gru import fit_causal_gru, fit_fisher_gru
from grasp_decoder.learning.models.seed_bilstm import fit_seed_bilstm, fit_table_2
from grasp_decoder.learning.models.training import FitProblem

ModelFamily = Callable[[FitProblem], TaskNetwork]

MODELS: dict[str, ModelFamily] = {
    'fisher_gru': fit_fisher_gru,
    'causal_gru': fit_causal_gru,
    'seed_bilstm': fit_seed_bilstm,
    'seed_bilstm_m': partial(fit_table_2, animal='M'),
    'seed_bilstm_z': partial(fit_table_2, animal='Z'),
}
"""Model name -> function that fits it."""

LEARNT_READ_IN_TRIALS_PER_UNIT = 4


def default_model(train: Sequence[TrialBins]) -> str:
    """The model when none is asked for: a learnt read-in pays only where training trials outnumber units by far."""
    enough = LEARNT_READ_IN_TRIALS_PER_UNIT * train[0].counts.shape[1]
    return 'causal_gru' if len(train) >= enough else 'fisher_gru'
