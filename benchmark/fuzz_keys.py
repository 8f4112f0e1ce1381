# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Files of keys: those that sign bundles, those that are trusted, a laboratory's, and a keystore of SROS2."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.fuzz_target import Target
from benchmark.mutation import mutated_bytes
from grasp_decoder.bundle.signature import make_keys, read_signing_key, read_trusted_keys, sign, signer_of
from grasp_decoder.recording.deidentification import read_key
from grasp_decoder.system.keystore import make_keystore


class Keys(Target):
    """Files of keys, damaged and exchanged; a keystore is added to."""

    name = 'keys'

    def prepare(self) -> None:
        super().prepare()
        public, _ = make_keys(self.material / 'key')
        self._secret, self._public = (self.material / 'key').read_bytes(), public.read_bytes()
        self._store = self.material / 'store'
        make_keystore(self._store, 7)
        self._files = sorted(path.relative_to(self._store) for path in self._store.rglob('*') if path.is_file())
        signature = sign(b'seal', read_signing_key(self.material / 'key'))
        self._readers: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
            (self._secret, lambda path: sign(b'seal', read_signing_key(path))),
            (self._public, read_trusted_keys),
            (2 * self._public, read_trusted_keys),
            (signature, lambda path: signer_of(path.read_bytes(), b'seal', path)),
            (bytes(range(40)), read_key),
        )

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        self._chosen = int(rng.integers(len(self._readers) + 1))
        if self._chosen < len(self._readers):
            (folder / 'input').write_bytes(mutated_bytes(rng, self._readers[self._chosen][0]))
            return
        store = Path(shutil.copytree(self._store, folder / 'store', symlinks=True))
        path = store / self._files[rng.integers(len(self._files))]
        content = self._secret if rng.random() < 0.1 else mutated_bytes(rng, path.read_bytes())
        path.write_bytes(content)

    def read(self, folder: Path) -> None:
        if self._chosen < len(self._readers):
            self._readers[self._chosen][1](folder / 'input')
        else:
            make_keystore(folder / 'store', 7)
