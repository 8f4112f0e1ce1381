# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A bundle of the network for the object alone, as benchmarks need it that train their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import grasp_decoder
from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.bundle.manifest import Manifest
from grasp_decoder.bundle.task_network import TaskNetwork
from grasp_decoder.evidence import EvidenceRule
from grasp_decoder.features.splits import Split
from grasp_decoder.objects import load_objects
from grasp_decoder.recording.session import Session
from grasp_decoder.types.time import NS_PER_S


def object_bundle(
    folder: str, network: TaskNetwork, session: Session, split: Split, look_back: int, rule: EvidenceRule | None = None
) -> Bundle:
    """Write a bundle into ``folder``; the arguments are those that the network was fitted with."""
    objects = load_objects()
    manifest = Manifest(
        session.name,
        datetime.now(UTC).isoformat(),
        grasp_decoder.__version__,
        (),
        session.units,
        split.train[0].bin_ns / NS_PER_S,
        look_back,
        split.classes,
        tuple(objects.find(each).label for each in split.classes),
        evidence=rule,
    )
    return write_bundle(Path(folder) / 'bundle', [network], split.train, split.validation, manifest)
