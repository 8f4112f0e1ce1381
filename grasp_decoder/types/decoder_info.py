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
