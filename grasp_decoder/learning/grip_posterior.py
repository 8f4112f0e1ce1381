# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The controller's posterior over grips: how it is calibrated, and what it was in a decoded trial.

The controller accumulates what the object network says bin after bin (`grasp_decoder.evidence`), adds up the objects
that share a grip, and moves the hand by how sure it then is. Calibrating the network alone is not enough for that:
neighbouring bins share spikes and the network's state, so counting each in full would make the sum far too sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.signal import lfilter

from grasp_decoder.bundle.task_network import TaskNetwork
from grasp_decoder.evidence import EvidenceRule, posterior_of
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.types.time import NS_PER_S

LEAST_GAIN, MOST_GAIN = 0.01, 1.0
DEAD_BANDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)
LEAST_LIKELY = 1e-12

BEFORE_CUE, PLAN, HOLD = 'before_cue', 'cue_to_go', 'hold'
PERIODS = (BEFORE_CUE, PLAN, HOLD)


def periods(trial: TrialBins) -> dict[str, slice]:
    """The bins of each of `PERIODS` that a trial has; without a Go the plan lasts until Hold."""
    events = trial.event_bins
    cue = events.get('Cue', 0)
    bounds = {
        BEFORE_CUE: (0, cue),
        PLAN: (cue, events.get('Go', events['Hold'])),
        HOLD: (events['Hold'], events['Rew']),
    }
    return {name: slice(first, last) for name, (first, last) in bounds.items() if first < last}


def grip_of_classes(classes: Sequence[int], objects: ObjectCatalogue) -> np.ndarray:
    """Index of the grip that each class takes, int (n_classes,).

    What the catalogue gives no grip shares one. Where all classes share one grip, each counts as a grip of its own.
    """
    grips = [objects.find(object_id).grip or '' for object_id in classes]
    index = np.unique(grips, return_inverse=True)[1]
    return index if index.any() else np.arange(len(classes))


def class_posterior(rule: EvidenceRule, probability: np.ndarray, bin_ns: int) -> np.ndarray:
    """Posterior over classes after each bin of a trial, float (n_bins, n_classes); arguments as of `accumulated`."""
    return posterior_of(rule.prior, accumulated(rule, probability, bin_ns))


def grip_posterior(rule: EvidenceRule, probability: np.ndarray, bin_ns: int, grip: np.ndarray) -> np.ndarray:
    """Posterior over grips after each bin of a trial, float (n_bins, n_grips).

    Args:
        rule, probability, bin_ns: as of `accumulated`.
        grip: index of the grip of each class, int (n_classes,).
    """
    return class_posterior(rule, probability, bin_ns) @ np.eye(grip.max() + 1)[grip]


def accumulated(rule: EvidenceRule, probability: np.ndarray, bin_ns: int) -> np.ndarray:
    """Evidence after each bin of a trial, float (n_bins, n_classes), as `EvidenceAccumulator` counts it.

    Args:
        rule: how it is counted.
        probability: float (n_bins, n_classes), NaN where there was no answer yet, which says nothing.
        bin_ns: bin width, ns.
    """
    of_bins = np.where(np.isnan(probability), 0.0, rule.of_bins(probability))
    evidence: np.ndarray = lfilter([1.0], [1.0, -rule.forgetting(bin_ns / NS_PER_S)], of_bins, axis=0)
    return evidence


def calibrate_evidence(
    network: TaskNetwork,
    train: Sequence[TrialBins],
    validation: Sequence[TrialBins],
    classes: Sequence[int],
    objects: ObjectCatalogue,
) -> EvidenceRule:
    """The prior of the classes in training, with the gain and the dead band that make the right grips most likely.

    The likelihood is that of the right grip on validation trials: the mean of its logarithm in each of `PERIODS`.

    Args:
        network: of the task ``object``.
        train, validation: trials.
        classes: object ids of the network's outputs, ascending.
        objects: the catalogue that says which grip an object takes.
    """
    count = np.bincount(np.searchsorted(classes, [trial.object_id for trial in train]), minlength=len(classes))
    prior = count / count.sum()
    grip = grip_of_classes(classes, objects)
    probabilities = network.predict(validation)
    bins: dict[str, list[np.ndarray]] = {}
    first = 0
    for trial in validation:
        for name, period in periods(trial).items():
            bins.setdefault(name, []).append(np.arange(trial.n_bins)[period] + first)
        first += trial.n_bins
    of_period = [np.concatenate(each) for each in bins.values()]
    suits = np.concatenate(
        [np.tile(grip == grip[np.searchsorted(classes, trial.object_id)], (trial.n_bins, 1)) for trial in validation]
    )

    def fitted(dead_band: float) -> tuple[float, EvidenceRule]:
        rule = EvidenceRule(tuple(prior.tolist()), gain=1.0, dead_band=dead_band)
        evidence = np.concatenate(
            [accumulated(rule, each, trial.bin_ns) for trial, each in zip(validation, probabilities)]
        )

        def loss(gain: float) -> float:
            likely = np.log(np.maximum((posterior_of(prior, gain * evidence) * suits).sum(axis=1), LEAST_LIKELY))
            return -float(np.mean([likely[period].mean() for period in of_period]))

        found = minimize_scalar(loss, bounds=(LEAST_GAIN, MOST_GAIN), method='bounded')
        return found.fun, replace(rule, gain=round(float(found.x), 3))

    return min(map(fitted, DEAD_BANDS), key=itemgetter(0))[1]
