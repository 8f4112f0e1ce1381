# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Plug-ins by entry point: what is built in, and what other installed packages add, under one name each."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from grasp_decoder.errors import GraspDecoderError


@dataclass(frozen=True)
class PlugIns:
    """All plug-ins of one kind.

    Attributes:
        kind: what they are, for messages.
        group: of their entry points.
        built_in: name -> ``module:object`` of this package. Named here, so that they are there in a checkout that is
            not installed; another package cannot replace them.
    """

    kind: str
    group: str
    built_in: dict[str, str]

    def names(self) -> tuple[str, ...]:
        """Names of all, those built in first."""
        return tuple(self._points())

    def load(self, name: str) -> Any:
        """The object behind a name; its module is imported only now.

        Raises:
            GraspDecoderError: there is none of this name, or it cannot be imported.
        """
        points = self._points()
        if name not in points:
            raise GraspDecoderError(f"{self.kind} '{name}' is not one of {', '.join(points)}")
        try:
            return points[name].load()
        except (ImportError, AttributeError) as error:
            raise GraspDecoderError(
                f"{self.kind} '{name}' ({points[name].value}) cannot be imported: {error}"
            ) from error

    def _points(self) -> dict[str, metadata.EntryPoint]:
        built_in = {name: metadata.EntryPoint(name, value, self.group) for name, value in self.built_in.items()}
        plugged_in = metadata.entry_points(group=self.group)
        return built_in | {point.name: point for point in plugged_in if point.name not in self.built_in}
