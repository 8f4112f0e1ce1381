"""How a run reports its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grasp_decoder.learning.models.training import Progress  # TensorFlow takes seconds to import


class ProgressReport:
    """Is told how a run goes. This one keeps it to itself."""

    def say(self, line: str) -> None:
        """Report one line."""

    def stage(self, name: str) -> Progress:
        """Begin a stage of many epochs; the answer is called after each of them."""
        return lambda done, total, message: None
