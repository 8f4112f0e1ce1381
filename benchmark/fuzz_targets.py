# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""All that is fuzzed, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark.fuzz_bundles import BundleArrays, BundleManifest, BundleModel, BundleSeal
from benchmark.fuzz_keys import Keys
from benchmark.fuzz_messages import Messages, ShownRun
from benchmark.fuzz_sessions import BinnedMat, Cache, LongRecording, Mcap, NeoMat, Nwb
from benchmark.fuzz_settings import YAML_TARGETS, Parameters
from benchmark.fuzz_target import Target

TARGETS: dict[str, Callable[[Path], Target]] = {
    **{each.name: each for each in (NeoMat, BinnedMat, Nwb, Mcap, Cache, LongRecording)},
    **{each.name: each for each in (BundleManifest, BundleSeal, BundleModel, BundleArrays)},
    **YAML_TARGETS,
    **{each.name: each for each in (Keys, Parameters, Messages, ShownRun)},
}
