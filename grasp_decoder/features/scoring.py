"""How well answers match: accuracy, agreement and R2, for parity, evaluation and run results alike.

Arrays in, numbers out. Agreement of two decoders is the `accuracy` of one with the answers of the other as the truth.
"""

from __future__ import annotations

import numpy as np


def accuracy(answer: np.ndarray, truth: np.ndarray) -> float:
    """Share of the answers (n,) that equal the truth (n,); NaN when there are none."""
    return float(np.equal(answer, truth).mean()) if len(answer) else float('nan')


def margin(probability: np.ndarray) -> np.ndarray:
    """By how much the best class leads the second best, (n,), of probabilities (n, classes)."""
    best = np.sort(probability, axis=1)[:, -2:]
    return best[:, 1] - best[:, 0]


def r2(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """R2 (coefficient of determination) of each column, (k,), of answers (n, k)."""
    error = np.square(answer - truth).sum(axis=0)
    return 1 - error / np.square(truth - truth.mean(axis=0)).sum(axis=0)


def r2_sums(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """What `r2_of_sums` needs of answers (n, k), float64 (k, 4): n, sum and sum of squares of the truth, squared error.

    Sums of several trials add up, so a bootstrap over trials needs the answers only once.
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
    return 1 - errors / (squares - total**2 / n)
