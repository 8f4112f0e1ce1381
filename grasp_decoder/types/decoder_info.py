# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""DecoderInfo: describes the running decoder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DecoderInfo:
    """Fields and units as in ``msg/DecoderInfo.msg``; the stamp is the time of the message, ns."""

    stamp_ns: int
    bundle_id: str
    bundle_sha256: str
    bin_s: float
    look_back: int
    unit_count: int
    backend: str
    object_id: tuple[int, ...]
    object_label: tuple[str, ...]
    tasks: tuple[str, ...]
    object_prior: tuple[float, ...]
    object_gain: float
    object_memory_s: float
    object_dead_band: float
    prepared_ns: int = 0
    took_over_ns: int = 0
