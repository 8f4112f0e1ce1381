"""Which goals a gripper action server gets: one for each change that matters, the latest one wins."""

from __future__ import annotations

from grasp_decoder.types.time import NS_PER_S


class GripperGoals:
    """Keeps at most one goal on its way to the server.

    A change of the aperture by more than ``dead_band`` is a new goal. The first goes out at once; further ones at
    least ``interval_s`` apart, unless they are `urgent`. A goal that was refused is sent again after ``retry_s``,
    as long as it is still wanted.
    """

    def __init__(self, dead_band: float = 0.02, interval_s: float = 0.1, retry_s: float = 0.5):
        self._dead_band = dead_band
        self._interval_ns = round(interval_s * NS_PER_S)
        self._retry_ns = round(retry_s * NS_PER_S)
        self._wanted: float | None = None
        self._sent: float | None = None
        self._not_before_ns = 0
        self._on_its_way = False

    def want(self, aperture: float, urgent: bool = False) -> None:
        """The aperture that the gripper is to have now; ``urgent`` does not wait for the interval."""
        self._wanted = aperture
        if urgent and self._changed():
            self._not_before_ns = 0

    def next_goal(self, now_ns: int) -> float | None:
        """The aperture to send now as a goal, if there is one; answer it with `accepted` or `refused`."""
        if self._on_its_way or now_ns < self._not_before_ns or not self._changed():
            return None
        self._sent, self._on_its_way = self._wanted, True
        self._not_before_ns = now_ns + self._interval_ns
        return self._sent

    def accepted(self) -> None:
        self._on_its_way = False

    def refused(self, now_ns: int) -> None:
        self._on_its_way, self._sent = False, None
        self._not_before_ns = now_ns + self._retry_ns

    def _changed(self):
        return self._wanted is not None and (self._sent is None or abs(self._wanted - self._sent) > self._dead_band)
