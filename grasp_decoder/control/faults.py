"""What makes a decode unfit to move a hand."""

from __future__ import annotations

import math
from typing import Collection

import numpy as np

from grasp_decoder.control.settings import ControlSettings
from grasp_decoder.decoding.decoded_grasp import DecodedGrasp
from grasp_decoder.recording.session import NS_PER_S

PROBABILITY_TOLERANCE = 1e-3


class DecodeChecker:
    """Compares each decode with what the decoder may say and with the decode before it."""

    def __init__(self, settings: ControlSettings, object_ids: Collection[int]):
        self._settings = settings
        self._object_ids = frozenset(object_ids)
        self._last: DecodedGrasp | None = None

    def fault(self, decoded: DecodedGrasp, now_ns: int) -> str | None:
        """Why ``decoded``, received at CLOCK_MONOTONIC ``now_ns``, must not move the hand; None when it may."""
        last, self._last = self._last, decoded
        return (self._late(decoded, now_ns)
                or self._invalid(decoded)
                or (last and _out_of_order(decoded, last)))

    def _late(self, decoded, now_ns):
        age_s = (now_ns - decoded.due_ns) / NS_PER_S
        if decoded.due_ns and age_s > self._settings.max_latency_s:
            return f'late: the decode is {age_s:.2f} s old'
        return None

    def _invalid(self, decoded):
        settings = self._settings
        if not _is_probability(decoded.phase_probability):
            return f'phase probability is {decoded.phase_probability:g}'
        if settings.proportional and not _is_probability(decoded.aperture):
            return f'decoded aperture is {decoded.aperture:g}'
        probability = np.asarray(decoded.object_probability)
        if not probability.size:
            return None  # before the first decode of a segment, or a decoder of the phase alone
        if probability.size != len(self._object_ids):
            return f'{probability.size} object probabilities for {len(self._object_ids)} objects'
        # NaN fails both comparisons
        if not (probability.min() >= -PROBABILITY_TOLERANCE and probability.max() <= 1.0 + PROBABILITY_TOLERANCE):
            return 'object probabilities are not in 0..1'
        if decoded.object_id not in self._object_ids:
            return f'unknown object {decoded.object_id}'
        if not _is_probability(decoded.confidence):
            return f'confidence is {decoded.confidence:g}'
        if decoded.confidence <= settings.confidence_floor:
            return f'no confidence: {decoded.confidence:g}'
        return None


def _is_probability(value):
    return math.isfinite(value) and -PROBABILITY_TOLERANCE <= value <= 1.0 + PROBABILITY_TOLERANCE


def _out_of_order(decoded, last):
    step_ns = decoded.stamp_ns - last.stamp_ns
    if step_ns <= 0:
        return f'clock went back {-step_ns / NS_PER_S:g} s' if step_ns else 'clock stands still'
    if decoded.lost_batches > last.lost_batches:
        return f'lost data: {decoded.lost_batches - last.lost_batches} spike batches'
    if decoded.segment == last.segment and decoded.bin != last.bin + 1:
        return f'lost data: bin {decoded.bin} follows bin {last.bin}'
    return None
