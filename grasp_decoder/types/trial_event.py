"""TrialEvent: a behavioural event of the task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrialEvent:
    """Fields as in ``msg/TrialEvent.msg``; the stamp is the time of the event on the acquisition clock, ns."""

    stamp_ns: int
    trial: int
    segment: int
    label: str
    object_id: int
