# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""How well answers match: accuracy, agreement and R2, for parity, evaluation and run results alike.

Arrays in, numbers out. Agreement of two decoders is the `accuracy` of one with the answers of the other as the truth.
"""

from __future__ import annotations

import numpy as np


def accuracy(answer: np.ndarray, truth: np.ndarray) -> float:
    """Fraction of the answers (n,) that equal the truth (n,); NaN if there are none."""
    return float(np.equal(answer, truth).mean()) if len(answer) else float('nan')


def margin(probability: np.ndarray) -> np.ndarray:
    """Difference between the two highest of probabilities (n, classes), (n,)."""
    best = np.sort(probability, axis=1)[:, -2:]
    difference: np.ndarray = best[:, 1] - best[:, 0]
    return difference


def r2(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """R2 (coefficient of determination) of each column, (k,), of answers (n, k)."""
    return r2_of_sums(r2_sums(answer, truth))


def r2_sums(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The sums that R2 is made of, for answers (n, k): the input of `r2_of_sums`.

    Sums of several trials add up, so a bootstrap over trials needs the answers only once.

    Returns:
        float64 (k, 4): n, sum of the truth, sum of its squares, sum of the squared errors.
    """
    truth = truth.astype(np.float64)
    error = answer - truth
    return np.stack(
        [np.full(truth.shape[1], len(truth)), truth.sum(axis=0), (truth**2).sum(axis=0), (error**2).sum(axis=0)],
        axis=-1,
    )


def r2_of_sums(sums: np.ndarray) -> np.ndarray:
    """R2 (...,) of added `r2_sums` (..., 4)."""
    n, total, squares, errors = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    scores: np.ndarray = 1 - errors / (squares - total**2 / n)
    return scores
