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
from grasp_decoder.learning.models.alignment import align, course_of
from grasp_decoder.learning.models.gru_graph import StepWeights
from grasp_decoder.learning.models.training import FitProblem

Start = Mapping[str, np.ndarray]
"""Content of a bundle's ``TASK_start.npz``: ``gru_0..2`` and ``read_out_0..1`` as Keras keeps them, ``classes``, and
what days are aligned to (`course_of`)."""


def start_for_others(problem: FitProblem, read_in: ReadIn, step: StepWeights) -> Start:
    """What another day starts from."""
    return {
        **{f'gru_{i}': weights for i, weights in enumerate(step.gru)},
        **{f'read_out_{i}': weights for i, weights in enumerate(step.read_out)},
        'classes': np.array(problem.classes, int),
        **course_of(problem.train, read_in),
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
