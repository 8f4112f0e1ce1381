# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

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
