# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Bundles, damaged and made to harm; most are sealed as they should be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from benchmark.fuzz_target import Target
from benchmark.material import trained
from benchmark.mutation import mutated_bytes, mutated_tree
from grasp_decoder.bundle.bundle import INPUT_STATISTICS, MANIFEST, SEAL, load_bundle, seal_of
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.decoding.info import decoder_info
from grasp_decoder.decoding.streaming import StreamingDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.reading import read_session


class BundleTarget(Target):
    def prepare(self) -> None:
        super().prepare()
        session, bundle = trained(24)
        self.files = {
            str(path.relative_to(bundle)): path.read_bytes()
            for path in bundle.rglob('*')
            if path.is_file() and 'report' not in path.parts
        }
        manifest = json.loads(self.files[MANIFEST])
        manifest['files'] = {name: each for name, each in manifest['files'].items() if name in self.files}
        self.files[MANIFEST] = json.dumps(manifest).encode()
        self.batches = [batch for batch, _ in zip(batches(read_session(session), 40_000_000), range(30))]

    def write(self, folder: Path, files: dict[str, bytes], seal: bytes | None = None) -> None:
        """A bundle in ``folder``, sealed as it should be if no ``seal`` is given."""
        bundle = folder / 'bundle'
        bundle.mkdir()
        for name, content in files.items():
            (bundle / name).write_bytes(content)
        good = seal_of(hashlib.sha256(files[MANIFEST]).hexdigest())
        (bundle / SEAL).write_bytes(good if seal is None else seal)

    def write_with(self, folder: Path, name: str, content: bytes) -> None:
        manifest = json.loads(self.files[MANIFEST])
        manifest['files'][name] = hashlib.sha256(content).hexdigest()
        self.write(folder, {**self.files, name: content, MANIFEST: json.dumps(manifest).encode()})

    def read(self, folder: Path) -> None:
        bundle = load_bundle(folder / 'bundle')
        for task in bundle.manifest.tasks:
            try:
                bundle.start(task)
            except GraspDecoderError:
                continue
        decoder = StreamingDecoder(BundleEngines(bundle, EngineOptions(backend='cpu')))
        decoder_info(decoder, 0)
        for batch in self.batches:
            decoder.push(batch)


class BundleManifest(BundleTarget):
    """The manifest: values that mean nothing, and text that is no JSON; sealed as it should be."""

    name = 'manifest'

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        content = self.files[MANIFEST]
        if rng.random() < 0.8:
            tree = mutated_tree(rng, json.loads(content))
            content = json.dumps(tree, skipkeys=True).encode()
        else:
            content = mutated_bytes(rng, content)
        self.write(folder, {**self.files, MANIFEST: content})


class BundleSeal(BundleTarget):
    """The seal, and files that were changed after it; nothing of it may be opened."""

    name = 'seal'

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        names = sorted(self.files)
        name = names[rng.integers(len(names))]
        content = self.files[name]
        while content == self.files[name]:
            content = mutated_bytes(rng, content)
        self.write(folder, {**self.files, name: content}, self.files[SEAL] if name != SEAL else content)

    def read(self, folder: Path) -> None:
        try:
            load_bundle(folder / 'bundle')
        except GraspDecoderError:
            return
        raise AssertionError('a changed bundle was loaded')


class BundleModel(BundleTarget):
    """The int8 models, sealed as they should be."""

    name = 'tflite'

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        names = sorted(name for name in self.files if name.endswith('int8.tflite'))
        name = names[rng.integers(len(names))]
        content = self.files[name]
        if rng.random() < 0.5:  # only the values: sizes and places stay
            data = bytearray(content)
            for at in rng.integers(0, len(data), rng.integers(1, 6)):
                data[at] = rng.choice((0, 1, 2, 3, 127, 128, 255, rng.integers(256)))
            content = bytes(data)
        else:
            content = mutated_bytes(rng, content)
        self.write_with(folder, name, content)


class BundleArrays(BundleTarget):
    """Statistics of the input, and what training on another day starts from, sealed as they should be."""

    name = 'npz'

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        names = sorted(name for name in self.files if name.endswith('.npz'))
        name = INPUT_STATISTICS if rng.random() < 0.7 else names[rng.integers(len(names))]
        self.write_with(folder, name, mutated_bytes(rng, self.files[name]))
