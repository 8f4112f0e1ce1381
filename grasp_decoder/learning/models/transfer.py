# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Start training on another day's recording from a bundle: its recurrent network, behind a read-in for today's units.

What the read-in gives is what the recurrent network has learnt to understand. So today's read-in makes today's units
say the same (`grasp_decoder.learning.models.alignment`), and training goes on from that day's recurrent network and
read-out. Days need no units in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.learning.models.alignment import align, loadings
from grasp_decoder.learning.models.course import moments
from grasp_decoder.learning.models.fisher_read_in import common_events
from grasp_decoder.learning.models.gru_graph import StepWeights
from grasp_decoder.learning.models.training import FitProblem

Start = Mapping[str, np.ndarray]
"""Content of a bundle's ``TASK_start.npz``: ``gru_0..2`` and ``read_out_0..1`` as Keras keeps them and ``classes``; and
what `alignment` takes: ``objects`` (n,) and how many ``trials`` (n,) there were of each, ``events``, ``latents``
(n, moments, k) of each object; and of each unit ``loading`` (k, units), ``course`` (moments, units) and ``spread``."""


def start_for_others(problem: FitProblem, read_in: ReadIn, step: StepWeights) -> Start:
    """What another day starts from."""
    events = common_events(problem.train)
    rows = moments(problem.train, events)
    latents = read_in.of_bins(rows)
    known, of_trial, trials = np.unique(
        [trial.object_id for trial in problem.train], return_inverse=True, return_counts=True
    )
    course = np.array([latents[of_trial == each].mean(axis=0) for each in range(len(known))], np.float32)
    return {
        **{f'gru_{i}': weights for i, weights in enumerate(step.gru)},
        **{f'read_out_{i}': weights for i, weights in enumerate(step.read_out)},
        'objects': known,
        'trials': trials,
        'classes': np.array(problem.classes, int),
        'events': np.array(events, 'U16'),
        'latents': course,
        'loading': loadings(rows, course[of_trial]),
        'course': rows.mean(axis=0),
        'spread': rows.std(axis=(0, 1)),
    }


def read_in_for(problem: FitProblem, start: Start) -> ReadIn:
    """The read-in that makes today's latents resemble those of ``start``.

    Raises:
        GraspDecoderError: today's trials lack events or objects that ``start`` was made with, or its network has no
            trace.
    """
    if len(start['gru_0']) != 2 * start['latents'].shape[-1]:
        raise GraspDecoderError(
            'the network of the bundle to start from has no trace of earlier bins; train that day again as fisher_gru'
        )
    return align(start, problem.train).read_in


def read_out_for(classes: Sequence[int], start: Start) -> list[np.ndarray]:
    """Weights of the read-out with an output per class: those of ``start``, and their mean for classes new to it."""
    known = start['classes'].tolist()
    return [
        np.stack(
            [weights[..., known.index(each)] if each in known else weights.mean(axis=-1) for each in classes], axis=-1
        )
        for weights in (start['read_out_0'], start['read_out_1'])
    ]
