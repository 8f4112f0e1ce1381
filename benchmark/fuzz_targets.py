"""All that is fuzzed, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark.fuzz_bundles import BundleArrays, BundleManifest, BundleModel, BundleSeal
from benchmark.fuzz_messages import Messages
from benchmark.fuzz_sessions import BinnedMat, Cache, Mcap, NeoMat
from benchmark.fuzz_settings import YAML_TARGETS, Parameters
from benchmark.fuzz_target import Target

TARGETS: dict[str, Callable[[Path], Target]] = {
    **{each.name: each for each in (NeoMat, BinnedMat, Mcap, Cache)},
    **{each.name: each for each in (BundleManifest, BundleSeal, BundleModel, BundleArrays)},
    **YAML_TARGETS,
    **{each.name: each for each in (Parameters, Messages)},
}
