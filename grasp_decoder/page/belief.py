# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Belief: what the decoder believes about phase, object and grip, with the evidence of all bins so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from grasp_decoder.control.grip_table import GripTable
from grasp_decoder.evidence import EvidenceAccumulator, EvidenceRule
from grasp_decoder.types.decoded_grasp import DecodedGrasp
from grasp_decoder.types.decoder_info import DecoderInfo
from grasp_decoder.types.time import NS_PER_S

HISTORY_S = 10.0


class Belief:
    """Adds up evidence about the object as the controller of the hand does, from the start of each segment.

    Attributes:
        info: the decoder that speaks; None before it has announced itself.
        decode: the latest; None before the first.
    """

    def __init__(self, grips: GripTable):
        self.info: DecoderInfo | None = None
        self.decode: DecodedGrasp | None = None
        self._grips = grips
        self._evidence: EvidenceAccumulator | None = None
        self._history: deque[tuple[float, float]] = deque()

    def take_info(self, info: DecoderInfo) -> None:
        """Take what a decoder says of itself. One that makes no sense has no belief: the hand is SAFE then, too."""
        before, self.info = self.info, info
        if before is not None and before.bundle_sha256 == info.bundle_sha256:
            return
        rule = EvidenceRule(info.object_prior, info.object_gain, info.object_memory_s, info.object_dead_band)
        sound = info.object_id and info.bin_s > 0 and not rule.problem(len(info.object_id))
        self._evidence = EvidenceAccumulator(rule, info.bin_s) if sound else None

    def take_decode(self, decode: DecodedGrasp) -> None:
        """Take the decode of one bin."""
        before, self.decode = self.decode, decode
        # By the clock of this machine: between two recorded trials that of the acquisition may jump.
        time_ns = decode.due_ns or decode.stamp_ns
        self._history.append((time_ns / NS_PER_S, decode.phase_probability))
        while abs(self._history[-1][0] - self._history[0][0]) > HISTORY_S:
            self._history.popleft()
        if self._evidence is None or self.info is None:
            return
        if before is None or before.segment != decode.segment:
            self._evidence.reset()
        probability = decode.object_probability
        if len(probability) == len(self.info.object_id) and np.isfinite(probability).all():
            self._evidence.update(probability)

    def phase_history(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds before the latest bin, (n,), at most `HISTORY_S`, and the probability of GRASP there, (n,)."""
        time_s, probability = np.array(self._history).reshape(-1, 2).T
        return time_s - (time_s[-1] if len(time_s) else 0.0), probability

    def objects(self) -> dict[str, float]:
        """Label -> posterior, the most probable object first; empty where the bundle knows no objects."""
        if self._evidence is None or self.info is None:
            return {}
        labels = [self._grips.objects.find(each).label for each in self.info.object_id]
        return _descending(zip(labels, self._evidence.posterior().tolist()))

    def grips(self) -> dict[str, float]:
        """Grip -> posterior of all its objects together, the most probable first."""
        if self._evidence is None or self.info is None:
            return {}
        total = dict.fromkeys(self._grips.postures, 0.0)
        for object_id, probability in zip(self.info.object_id, self._evidence.posterior().tolist()):
            total[self._grips.grip_of(object_id)] += probability
        return _descending(total.items())


def _descending(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    return dict(sorted(pairs, key=lambda pair: -pair[1]))
