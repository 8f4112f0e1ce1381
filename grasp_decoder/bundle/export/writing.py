# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Writes a bundle: converts networks to TFLite, compares int8 with float, and puts the folder in place in one step."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.bundle.bundle import (
    INPUT_STATISTICS,
    MANIFEST,
    NOVELTY_MODEL,
    REPORT,
    SEAL,
    UNIT_MODEL,
    Bundle,
    load_bundle,
    read_in_file,
    seal_of,
    sign_bundle,
    start_file,
)
from grasp_decoder.bundle.export.edge_tpu_compiler import compile_models, require_compiler
from grasp_decoder.bundle.export.parity import edge_issues, measure_parity
from grasp_decoder.bundle.manifest import Manifest
from grasp_decoder.bundle.signature import SigningKey
from grasp_decoder.bundle.task_network import OBJECT, TaskNetwork
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.input_statistics import measure_input
from grasp_decoder.features.novelty import NoveltyModel
from grasp_decoder.features.read_in import ReadIn
from grasp_decoder.features.trial_bins import TrialBins
from grasp_decoder.features.unit_model_fitting import fit_unit_model
from grasp_decoder.safe_file import flush_folder

AT_FDCWD = -100
RENAME_EXCHANGE = 2

PARITY_TRIALS = 60
"""An adapted bundle has the models of another one, whose parity was measured on all validation trials."""


class BundleDraft:
    """A bundle that can be loaded, but is not in its place yet. Make it with `bundle_draft`.

    Attributes:
        report: folder for the report, which becomes a part of the bundle; it does not exist yet.
        metrics: the main scores of the report, for the manifest.
    """

    def __init__(self, folder: Path, edge_tpu: bool, signing_key: SigningKey | None):
        self.report = folder / REPORT
        self.metrics: dict[str, Any] = {}
        self._folder = folder
        self._edge_tpu = edge_tpu
        self._signing_key = signing_key

    def export(
        self,
        networks: Iterable[TaskNetwork],
        train: Sequence[TrialBins],
        validation: Sequence[TrialBins],
        manifest: Manifest,
    ) -> Bundle:
        """Convert networks to TFLite, in place of what was exported before.

        Args:
            networks: one for each task.
            train: trials that int8 is calibrated on, and that the running decoder compares its input with.
            validation: trials on which int8 is compared with float.
            manifest: what is known before the export. ``tasks``, ``edge_ready``, ``edge_issues``, ``metrics`` and
                ``files`` are filled in here.

        Returns:
            The bundle, read from its temporary folder.
        """
        # TensorFlow is large and takes seconds to import: `adapt` and its users do without it.
        from grasp_decoder.bundle.export.tflite import convert

        self._begin(train)
        tasks = {}
        for network in networks:
            tasks[network.task] = convert(network, train, self._folder)
            self._keep(network.task, network.read_in, network.start, network.novelty)
        return self._measured(replace(manifest, tasks=tasks), validation)

    def adapt(
        self,
        bundle: Bundle,
        read_ins: Mapping[str, ReadIn],
        starts: Mapping[str, Mapping[str, np.ndarray]],
        novelty: NoveltyModel | None,
        trials: Sequence[TrialBins],
        manifest: Manifest,
    ) -> Bundle:
        """Take the models of another bundle as they are, behind other read-ins.

        Args:
            bundle: whose models are taken, compiled ones as well.
            read_ins: task -> its new read-in.
            starts: task -> what the new bundle keeps for another day (`Bundle.start`).
            novelty: of the task object, if it has one.
            trials: that the running decoder compares its input with; int8 is compared with float on the first
                `PARITY_TRIALS`.
            manifest: of the new bundle; parity and readiness for the Edge TPU are filled in here.

        Returns:
            The bundle, read from its temporary folder.
        """
        self._begin(trials)
        for name, content in bundle.models.items():
            (self._folder / name).write_bytes(content)
        for task in manifest.tasks:
            self._keep(task, read_ins[task], starts[task], novelty if task == OBJECT else None)
        return self._measured(manifest, trials[:PARITY_TRIALS])

    def _begin(self, trials: Sequence[TrialBins]) -> None:
        """Write what is about the input, in an empty folder."""
        for path in self._folder.iterdir():
            path.unlink()
        np.savez(self._folder / INPUT_STATISTICS, **measure_input(trials).to_arrays())
        np.savez(self._folder / UNIT_MODEL, **fit_unit_model(trials).to_arrays())

    def _keep(self, task: str, read_in: ReadIn | None, start: Mapping[str, Any], novelty: NoveltyModel | None) -> None:
        if novelty:
            np.savez(self._folder / NOVELTY_MODEL, **novelty.to_arrays())
        if read_in:
            np.savez(self._folder / read_in_file(task), **read_in.to_arrays())
        if start:
            np.savez(self._folder / start_file(task), **start)

    def _measured(self, manifest: Manifest, validation: Sequence[TrialBins]) -> Bundle:
        """Compare int8 with float, compile if that is wanted, and seal the draft."""
        bundle = _seal(self._folder, manifest)
        tasks = {
            task: replace(network, parity=measure_parity(bundle, task, validation))
            for task, network in manifest.tasks.items()
        }
        issues = edge_issues(tasks)
        if self._edge_tpu:
            tasks, not_compiled = compile_models(self._folder, tasks)
            issues += not_compiled
        self._manifest = replace(manifest, tasks=tasks, edge_issues=issues, edge_ready=not issues)
        return _seal(self._folder, self._manifest)

    def finish(self) -> None:
        """Seal the bundle with its report, sign it if it has a key, and have every file on the disk."""
        bundle = _seal(self._folder, replace(self._manifest, metrics=self.metrics))
        if self._signing_key is not None:
            sign_bundle(bundle, self._signing_key)
        self._folder.chmod(0o755)  # mkdtemp has made it private
        flush_folder(self._folder)


@contextmanager
def bundle_draft(
    out: str | Path, edge_tpu: bool = False, signing_key: SigningKey | None = None
) -> Iterator[BundleDraft]:
    """A draft that takes the place of ``out`` in one step, when the body ends without an error.

    Its folder is beside ``out``. A crash at any time leaves an old bundle whole.

    Args:
        out: folder of the bundle. An existing bundle is replaced; a folder with anything else in it is refused.
        edge_tpu: whether to compile the int8 models with ``edgetpu_compiler`` as well.
        signing_key: signs the bundle; None leaves it unsigned.

    Raises:
        GraspDecoderError: ``out`` holds something else than a bundle or cannot be written, or ``edgetpu_compiler`` is
            not installed.
    """
    if edge_tpu:
        require_compiler()
    out = Path(os.path.realpath(out))  # where a link leads, the bundle is replaced, not the link
    check_replaceable(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f'.{out.name}.', dir=out.parent))
    except OSError as error:
        raise GraspDecoderError(f'cannot write a bundle to {out}: {error.strerror}') from error
    try:
        draft = BundleDraft(folder, edge_tpu, signing_key)
        yield draft
        draft.finish()
        _put_in_place(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_bundle(
    out: str | Path,
    networks: Iterable[TaskNetwork],
    train: Sequence[TrialBins],
    validation: Sequence[TrialBins],
    manifest: Manifest,
    edge_tpu: bool = False,
) -> Bundle:
    """Write a bundle without a report; the arguments are those of `bundle_draft` and `BundleDraft.export`.

    Returns:
        The bundle, read from ``out``.
    """
    with bundle_draft(out, edge_tpu) as draft:
        draft.export(networks, train, validation, manifest)
    return load_bundle(out)


def check_replaceable(out: Path) -> None:
    """Check that `write_bundle` will be able to write to ``out``, before any work is done.

    Raises:
        GraspDecoderError: it would not.
    """
    if out.exists() and not (out / MANIFEST).is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise GraspDecoderError(f'{out} exists and is not a bundle; name another folder or remove it')
    existing = next(parent for parent in out.absolute().parents if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise GraspDecoderError(f'cannot write a bundle to {out}: {existing} is not a folder that you may write to')


def _seal(folder: Path, manifest: Manifest) -> Bundle:
    """Write the manifest with the hash of every file, and its seal; read the bundle back."""
    files = sorted(path for path in folder.rglob('*') if path.is_file() and path.name not in (MANIFEST, SEAL))
    hashes = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    data = replace(manifest, files=hashes).to_json().encode()
    (folder / MANIFEST).write_bytes(data)
    (folder / SEAL).write_bytes(seal_of(hashlib.sha256(data).hexdigest()))
    return load_bundle(folder)


def _put_in_place(draft: Path, out: Path) -> None:
    """Give ``draft`` the name ``out``; a bundle that had the name gets the draft's."""
    if not out.exists():
        draft.rename(out)
    elif not _exchange(draft, out):
        # This file system cannot exchange two names. A crash between these renames leaves both bundles whole: the old
        # one under the name `aside`, the new one under the name of the draft.
        aside = draft.with_name(f'{draft.name}.old')
        out.rename(aside)
        draft.rename(out)
        aside.rename(draft)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names in one step (renameat2 of Linux); False if the system cannot."""
    rename = getattr(ctypes.CDLL(None), 'renameat2', None)
    return (
        rename is not None and rename(AT_FDCWD, os.fsencode(first), AT_FDCWD, os.fsencode(second), RENAME_EXCHANGE) == 0
    )
