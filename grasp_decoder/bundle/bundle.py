# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Bundle: a sealed folder with everything that a decoder needs. It holds data only, no code.

::

    BUNDLE/manifest.json        what the bundle decodes, and the SHA-256 of every other file
    BUNDLE/manifest.sha256      the seal: the SHA-256 of manifest.json, in the format of sha256sum
    BUNDLE/manifest.ed25519     who made it, if it is signed
    BUNDLE/phase_int8.tflite    ... the models, each as float and as full int8
    BUNDLE/input_statistics.npz what the spikes of the training trials were like
    BUNDLE/unit_model.npz       how units fire together, so that others can stand in for dead ones
    BUNDLE/object_read_in.npz   ... from the units to what the model takes, one for each recurrent network
    BUNDLE/novelty_model.npz    where the objects of training lie, so that others can be told from them
    BUNDLE/object_start.npz     ... from which another day starts (adapt, train --init-from)
    BUNDLE/report/              how well it decodes, for people
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np

from grasp_decoder.bundle.consistency import check_consistency
from grasp_decoder.bundle.manifest import Manifest, TaskManifest
from grasp_decoder.bundle.signature import SIGNATURE, SigningKey, TrustedKeys, sign, signer_of
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.input_statistics import InputStatistics
from grasp_decoder.features.novelty import NoveltyModel
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.unit_model import UnitModel
from grasp_decoder.safe_file import MIB, read_plain, written_whole

MANIFEST = 'manifest.json'
SEAL = 'manifest.sha256'
REPORT = 'report'
INPUT_STATISTICS = 'input_statistics.npz'
UNIT_MODEL = 'unit_model.npz'
NOVELTY_MODEL = 'novelty_model.npz'

_MOST_BYTES = 512 * MIB
"""Of one file of a bundle; the largest models have a few."""

AboutUnits = TypeVar('AboutUnits', InputStatistics, UnitModel, ReadIn)
Part = TypeVar('Part')


@dataclass(frozen=True)
class Bundle:
    """The content of a verified bundle. `load_bundle` reads one; `BundleEngines` runs its models.

    Attributes:
        path: the bundle's folder.
        manifest: what the bundle decodes and where it comes from.
        sha256: hash of the manifest, and so of every file, since the manifest lists their hashes.
        models: content of each TFLite file, by file name.
        input_statistics: what the spikes of the training trials were like.
        unit_model: how units fire together.
        read_ins: task -> what turns the features of its units into what its network takes. Tasks whose networks take
            the features themselves are not in it.
        novelty_model: where the objects of training lie; None where nothing tells others from them.
        signer: public key that signed it, as 64 hexadecimal digits; '' if it is not signed.
    """

    path: Path
    manifest: Manifest
    sha256: str
    models: Mapping[str, bytes] = field(repr=False)
    input_statistics: InputStatistics = field(repr=False)
    unit_model: UnitModel = field(repr=False)
    read_ins: Mapping[str, ReadIn] = field(repr=False)
    novelty_model: NoveltyModel | None = field(default=None, repr=False)
    signer: str = ''

    @property
    def id(self) -> str:
        """Short name for people: the bundle's name and the beginning of its hash."""
        return f'{self.manifest.name}-{self.sha256[:8]}'

    def require_unit_count(self, unit_count: int, source: str) -> None:
        """Check that ``source`` (a session or topic, for the message) records as many units as the bundle decodes.

        Raises:
            GraspDecoderError: it records more or fewer.
        """
        if unit_count != self.manifest.unit_count:
            raise GraspDecoderError(
                f'{source} has {unit_count} units, bundle {self.path} decodes '
                f'{self.manifest.unit_count}; train one for this recording'
            )

    def start(self, task: str) -> dict[str, np.ndarray]:
        """Arrays from which training ``task`` on another day starts, read from the bundle's folder.

        Raises:
            GraspDecoderError: the bundle has no such task, or the task's model family keeps no such arrays.
        """
        network = self.task(task)
        if start_file(task) not in self.manifest.files:
            raise GraspDecoderError(
                f'bundle {self.path} keeps nothing for another day to start from: its {task} '
                f'network is a {network.model}; train it as fisher_gru'
            )
        content = _read_sealed(self.path, start_file(task), self.manifest.files[start_file(task)])
        return _arrays(self.path / start_file(task), content)

    def task(self, task: str) -> TaskManifest:
        """The manifest's entry for ``task``.

        Raises:
            GraspDecoderError: the bundle has no such task.
        """
        if task not in self.manifest.tasks:
            raise GraspDecoderError(f'bundle {self.path} has no task {task!r}, only {", ".join(self.manifest.tasks)}')
        return self.manifest.tasks[task]


def read_in_file(task: str) -> str:
    """Name of the file with the read-in of a task."""
    return f'{task}_read_in.npz'


def start_file(task: str) -> str:
    """Name of the file that `Bundle.start` reads."""
    return f'{task}_start.npz'


def load_bundle(path: str | Path, trusted_keys: TrustedKeys | None = None) -> Bundle:
    """Read a bundle and verify its seal, its schema, the hash of every file and that its parts fit together.

    Nothing from the folder is executed or unpickled.

    Args:
        path: the bundle's folder.
        trusted_keys: one of them must have signed it, which is checked before its content is looked at; None: it may be
            unsigned, but a signature that is there must be right.

    Raises:
        GraspDecoderError: a part is missing, changed or does not fit; the message names it.
    """
    if not str(path):
        raise GraspDecoderError('no bundle is given: name the folder that train has written')
    path = Path(path)
    text, sha256, signer = _read_manifest(path, trusted_keys)
    manifest = Manifest.from_json(text, str(path / MANIFEST))
    contents = {name: _read_sealed(path, name, expected) for name, expected in manifest.files.items()}
    check_consistency(path, manifest)
    models = {name: data for name, data in contents.items() if name.endswith('.tflite')}
    statistics = _about_units(path, manifest, contents, INPUT_STATISTICS, InputStatistics.from_arrays)
    unit_model = _about_units(path, manifest, contents, UNIT_MODEL, UnitModel.from_arrays)
    read_ins = {
        task: _about_units(path, manifest, contents, read_in_file(task), ReadIn.from_arrays)
        for task, network in manifest.tasks.items()
        if network.latents is not None
    }
    for task, read_in in read_ins.items():
        if read_in.width != manifest.tasks[task].latents:
            raise GraspDecoderError(
                f'bundle {path}: {read_in_file(task)} gives {read_in.width} latents, but its network takes '
                f'{manifest.tasks[task].latents}'
            )
    novelty_model = None
    if NOVELTY_MODEL in contents:
        novelty_model = _part(path, contents, NOVELTY_MODEL, NoveltyModel.from_arrays)
        if OBJECT not in read_ins or novelty_model.width != read_ins[OBJECT].width:
            raise GraspDecoderError(
                f'bundle {path}: {NOVELTY_MODEL} takes other latents than its network for the object'
            )
    return Bundle(path, manifest, sha256, models, statistics, unit_model, read_ins, novelty_model, signer)


def _about_units(
    path: Path,
    manifest: Manifest,
    contents: Mapping[str, bytes],
    name: str,
    read: Callable[[dict[str, np.ndarray]], AboutUnits],
) -> AboutUnits:
    found = _part(path, contents, name, read)
    if found.unit_count != manifest.unit_count:
        raise GraspDecoderError(
            f'bundle {path}: {name} is about {found.unit_count} units, but the unit table has {manifest.unit_count}'
        )
    return found


def _part(path: Path, contents: Mapping[str, bytes], name: str, read: Callable[[dict[str, np.ndarray]], Part]) -> Part:
    where = f'bundle {path}: {name}'
    if name not in contents:
        raise GraspDecoderError(f'{where} is not among the sealed files; train the bundle again')
    arrays = _arrays(path / name, contents[name])
    try:
        return read(arrays)
    except (KeyError, ValueError, TypeError) as error:
        raise GraspDecoderError(f'{where} cannot be read ({error}); train the bundle again') from error


def _arrays(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file; nothing in it is unpickled."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(member.file_size for member in packed.infolist()) > _MOST_BYTES:
                raise ValueError('it unpacks to too much')
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # a damaged archive fails in as many ways as it has bytes
        raise GraspDecoderError(f'{path} cannot be read ({error}); train the bundle again') from error


def _read_manifest(path: Path, trusted_keys: TrustedKeys | None) -> tuple[str, str, str]:
    """The manifest's text, its hash, and the public key that signed it."""
    try:
        found = path.is_dir()
    except OSError as error:
        raise GraspDecoderError(f'bundle {path}: cannot be read: {error.strerror}') from None
    if not found:
        raise GraspDecoderError(f'there is no bundle folder {path}')
    data = _read(path / MANIFEST)
    sha256 = hashlib.sha256(data).hexdigest()
    if _read(path / SEAL) != seal_of(sha256):
        raise GraspDecoderError(
            f'{path / MANIFEST} does not match its seal {SEAL}: one of them was changed; '
            'copy the bundle again or train it again'
        )
    signature = path / SIGNATURE
    signer = signer_of(_read(signature), seal_of(sha256), signature) if os.path.lexists(signature) else ''
    if trusted_keys is not None:
        trusted_keys.require(signer, path)
    try:
        return data.decode(), sha256, signer
    except UnicodeDecodeError as error:
        raise GraspDecoderError(f'{path / MANIFEST} is not UTF-8 ({error}); train the bundle again') from error


def seal_of(manifest_sha256: str) -> bytes:
    """Content of the seal file for a manifest of that hash."""
    return f'{manifest_sha256}  {MANIFEST}\n'.encode()


def sign_bundle(bundle: Bundle, key: SigningKey) -> None:
    """Sign a bundle in its folder; a signature that it had is replaced.

    Raises:
        OSError: the signature cannot be written.
    """
    with written_whole(bundle.path / SIGNATURE) as file:
        file.write(sign(seal_of(bundle.sha256), key))


def _read_sealed(path: Path, name: str, expected: str) -> bytes:
    pure = PurePosixPath(name)
    if pure.is_absolute() or '..' in pure.parts or '\0' in name:
        raise GraspDecoderError(f'bundle {path} lists {name!r}, which lies outside of it; do not use this bundle')
    data = _read(path / name)
    if hashlib.sha256(data).hexdigest() != expected:
        raise GraspDecoderError(
            f'{path / name} was changed: {MANIFEST} lists another hash for it; copy the bundle again or train it again'
        )
    return data


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, _MOST_BYTES)
    except FileNotFoundError:
        raise GraspDecoderError(f'{path} is missing from the bundle; copy the bundle again or train it again') from None
    except OSError as error:
        raise GraspDecoderError(f'cannot read {path}: {error.strerror}') from error
