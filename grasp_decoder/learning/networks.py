"""The model families, by the name that ``train --model`` takes.

A family is one function from a `FitProblem` to a fitted `TaskNetwork`. Add one by writing that function in a module of
its own and naming it here.
"""

from __future__ import annotations

from collections.abc import Callable

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE, TaskNetwork
from grasp_decoder.learning.causal_gru import fit_causal_gru, fit_fisher_gru
from grasp_decoder.learning.seed_bilstm import fit_seed_bilstm
from grasp_decoder.learning.training import FitProblem

ModelFamily = Callable[[FitProblem], TaskNetwork]

MODELS: dict[str, ModelFamily] = {
    'fisher_gru': fit_fisher_gru,
    'causal_gru': fit_causal_gru,
    'seed_bilstm': fit_seed_bilstm,
}
"""Model name -> function that fits it."""

DEFAULT_MODELS = {PHASE: 'fisher_gru', OBJECT: 'fisher_gru', DOF: 'fisher_gru'}
"""Task -> name of the model that is used when none is asked for."""
