# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Bundles are whole or refused: what is written is what is read, and nothing else is."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from grasp_decoder.bundle.admission import ANY_BUNDLE
from grasp_decoder.bundle.bundle import MANIFEST, SEAL, load_bundle, seal_of
from grasp_decoder.bundle.edge_report import edge_report
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export import writing as export
from grasp_decoder.bundle.export.writing import bundle_draft, write_bundle
from grasp_decoder.bundle.manifest import Manifest
from grasp_decoder.decoding.bin_decoder import BinDecoder
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.novelty import LatentAverages, NoveltyModel

from helpers.bundle_samples import LATENTS, UNITS, make_manifest, make_network, make_trials

TRIALS = make_trials()
TASKS = {'object': 'window', 'phase': 'recurrent', 'dof': 'recurrent'}
FILES = [
    MANIFEST,
    SEAL,
    'input_statistics.npz',
    'unit_model.npz',
    'report/report.html',
    *(f'{task}_read_in.npz' for task, kind in TASKS.items() if kind == 'recurrent'),
    *(f'{task}_{precision}.tflite' for task in TASKS for precision in ('float', 'int8')),
]


@pytest.fixture(scope='module')
def networks():
    return [make_network(task, kind) for task, kind in TASKS.items()]


@pytest.fixture(scope='module')
def sealed(networks, tmp_path_factory):
    out = tmp_path_factory.mktemp('bundles') / 'sample'
    with bundle_draft(out) as draft:
        bundle = draft.export(networks, TRIALS, TRIALS, make_manifest())
        draft.report.mkdir()
        (draft.report / 'report.html').write_text(f'<p>{bundle.manifest.name}')
        draft.metrics = {'object': {'accuracy': np.float32(0.5), 'chance': float('nan')}}
    return out


@pytest.fixture
def folder(sealed, tmp_path):
    return shutil.copytree(sealed, tmp_path / 'bundle')


def open_on_cpu(folder, precision='int8'):
    return BundleEngines(load_bundle(folder), EngineOptions(precision, 'cpu'))


def reseal(folder, **changes):
    """Change the manifest and seal it again, as a careful forger would."""
    data = json.dumps(json.loads((folder / MANIFEST).read_text()) | changes).encode()
    (folder / MANIFEST).write_bytes(data)
    (folder / SEAL).write_bytes(seal_of(hashlib.sha256(data).hexdigest()))


def test_a_bundle_reads_as_it_was_written(sealed):
    bundle = load_bundle(sealed)
    assert sorted(str(path.relative_to(sealed)) for path in sealed.rglob('*') if path.is_file()) == sorted(FILES)
    assert bundle.manifest.units == make_manifest().units
    assert bundle.manifest.merge == {11: 41}
    assert bundle.manifest.metrics == {'object': {'accuracy': 0.5, 'chance': None}}
    assert bundle.manifest.held_out_trials('ab' * 32) == (4, 5)
    assert bundle.manifest.held_out_trials('cd' * 32) is None
    assert Manifest.from_json(bundle.manifest.to_json(), 'here') == bundle.manifest
    assert bundle.sha256 == hashlib.sha256((sealed / MANIFEST).read_bytes()).hexdigest()


@pytest.mark.parametrize('name', FILES)
def test_any_changed_byte_is_refused(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    expected = 'does not match its seal' if name in (MANIFEST, SEAL) else f'{name} was changed'
    with pytest.raises(GraspDecoderError, match=expected):
        load_bundle(folder)


@pytest.mark.parametrize('name', FILES)
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(GraspDecoderError, match=f'{name} is missing'):
        load_bundle(folder)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'schema_version': 4}, 'schema version 4.*update grasp_decoder'),
        ({'schema_version': 2}, 'schema version 2, not 3; train the bundle again'),
        ({'units': []}, f'takes {UNITS} units, but the unit table has 0'),
        ({'units': 7}, 'units: 7 is not of type'),
        ({'surprise': 1}, 'surprise are missing or unknown'),
        ({'classes': [1, 2], 'labels': ['a', 'b']}, 'other shapes'),
        ({'files': {'../secret': ''}}, 'outside of it'),
        ({'files': {}}, 'not among the sealed files'),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(folder, changes, message):
    reseal(folder, **changes)
    with pytest.raises(GraspDecoderError, match=message):
        load_bundle(folder)


def test_a_session_with_another_unit_count_is_refused(sealed):
    bundle = load_bundle(sealed)
    bundle.require_unit_count(UNITS, 'day2.mat')
    with pytest.raises(GraspDecoderError, match='day2.mat has 96 units'):
        bundle.require_unit_count(96, 'day2.mat')


def test_the_edge_report_holds_operators_and_parity(sealed):
    bundle = load_bundle(sealed)
    report = edge_report(bundle)
    assert report['tasks'].keys() == TASKS.keys() and report['ready'] == (not report['issues'])
    for task, row in report['tasks'].items():
        assert row['operators']['FULLY_CONNECTED'] >= 2 and row['on_cpu'] == [] and 0 < row['memory_kib'] < 8192
        assert row['parity']['bins'] == bundle.manifest.tasks[task].parity.bins > 0


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(GraspDecoderError, match='no bundle folder'):
        load_bundle(tmp_path / 'nowhere')
    with pytest.raises(GraspDecoderError, match='manifest.json is missing'):
        load_bundle(tmp_path)
    (tmp_path / 'circle').symlink_to(tmp_path / 'circle')
    for path in (tmp_path / 'circle', tmp_path / ('long' * 100)):
        with pytest.raises(GraspDecoderError, match='bundle'):
            load_bundle(path)
        with pytest.raises(GraspDecoderError, match='bundle'):
            ANY_BUNDLE.load(str(path))


@pytest.mark.parametrize('task', TASKS)
def test_the_float_model_is_the_network(sealed, networks, task):
    runner = open_on_cpu(sealed, 'float').runner(task)
    network = next(network for network in networks if network.task == task)
    for trial, expected in zip(TRIALS[:2], network.predict(TRIALS[:2])):
        runner.reset()
        for counts, row in zip(trial.counts, expected):
            answer = runner.step(counts)
            assert (answer is None) == np.isnan(row).all()
            if answer is not None:
                np.testing.assert_allclose(answer, row, atol=1e-5)


@pytest.mark.parametrize('task', TASKS)
def test_decodes_depend_on_nothing_but_the_segment(sealed, task):
    runner = open_on_cpu(sealed).runner(task)
    first = [runner.step(counts) for counts in TRIALS[0].counts]
    runner.step(TRIALS[1].counts[0])
    runner.reset()
    second = [runner.step(counts) for counts in TRIALS[0].counts]
    for one, other in zip(first, second):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize('task', TASKS)
def test_runners_on_one_engine_share_nothing_of_the_past(sealed, task):
    engines = open_on_cpu(sealed)
    runner, other_runner = engines.runner(task), engines.runner(task)
    alone = [runner.step(counts) for counts in TRIALS[0].counts]
    runner.reset()
    beside = []
    for counts, other in zip(TRIALS[0].counts, TRIALS[1].counts):
        other_runner.step(other)
        beside.append(runner.step(counts))
    np.testing.assert_equal(beside, alone[: len(beside)])


def test_novelty_is_kept_with_the_network_for_the_object(tmp_path):
    rng = np.random.default_rng(0)
    directions, centres = rng.normal(size=(2 * LATENTS, 3)), rng.normal(size=(5, 3))
    novelty = NoveltyModel(directions.astype(np.float32), centres.astype(np.float32), 0.7, 2.0)
    network = replace(make_network('object'), novelty=novelty)
    bundle = write_bundle(tmp_path / 'bundle', [network], TRIALS, TRIALS, make_manifest())
    np.testing.assert_equal(vars(bundle.novelty_model), vars(novelty))
    decoder, averages = BinDecoder(BundleEngines(bundle, EngineOptions('int8', 'cpu'))), LatentAverages(LATENTS)
    for counts in TRIALS[0].counts:
        seen = averages.step(network.read_in(network.lut[np.minimum(counts, 255)]))
        assert decoder.decode(counts).novelty == novelty.probability(seen)


def test_counts_above_the_table_take_its_last_entry(sealed):
    engines = open_on_cpu(sealed)
    answers = [engines.runner('phase').step(np.full(UNITS, count, np.uint16)) for count in (255, 65_535)]
    np.testing.assert_array_equal(*answers)


def test_a_crash_leaves_the_old_bundle_whole(folder, networks):
    before = load_bundle(folder).sha256
    with pytest.raises(KeyboardInterrupt), bundle_draft(folder) as draft:
        draft.export(networks[:1], TRIALS, TRIALS, make_manifest())
        raise KeyboardInterrupt
    assert load_bundle(folder).sha256 == before
    assert list(folder.parent.iterdir()) == [folder]


def test_where_a_link_leads_the_bundle_is_replaced_and_not_the_link(folder, networks):
    link = folder.parent / 'current'
    link.symlink_to(folder)
    write_bundle(link, networks[:1], TRIALS, TRIALS, make_manifest(name='next'))
    assert link.is_symlink() and load_bundle(folder).manifest.name == 'next'
    assert sorted(folder.parent.iterdir()) == sorted([folder, link])


def test_a_second_export_takes_the_place_of_the_first(networks, tmp_path):
    with bundle_draft(tmp_path / 'bundle') as draft:
        draft.export(networks[:2], TRIALS, TRIALS, make_manifest())
        draft.export(networks[:1], TRIALS, TRIALS, make_manifest(name='again'))
    manifest = load_bundle(tmp_path / 'bundle').manifest
    assert manifest.name == 'again' and manifest.tasks.keys() == {networks[0].task}
    assert all(name.startswith((networks[0].task, 'input_statistics', 'unit_model')) for name in manifest.files)


@pytest.mark.slow
def test_a_killed_process_leaves_the_old_bundle_whole(folder):
    before = load_bundle(folder).sha256
    program = textwrap.dedent(f"""
        import os, signal
        from helpers.bundle_samples import make_manifest, make_network, make_trials
        from grasp_decoder.bundle.export.writing import bundle_draft
        with bundle_draft({str(folder)!r}) as draft:
            draft.export([make_network('phase')], make_trials(), make_trials(), make_manifest())
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    run = subprocess.run(
        [sys.executable, '-c', program],
        env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert load_bundle(folder).sha256 == before


@pytest.mark.parametrize('can_exchange', [True, False])
def test_a_bundle_is_replaced_in_one_step(folder, networks, monkeypatch, can_exchange):
    if not can_exchange:  # as on file systems that cannot swap two names
        monkeypatch.setattr(export, '_exchange', lambda first, second: False)
    write_bundle(folder, networks[:1], TRIALS, TRIALS, make_manifest(name='next'))
    assert load_bundle(folder).manifest.name == 'next'
    assert list(folder.parent.iterdir()) == [folder]


def test_what_is_no_bundle_is_not_replaced(tmp_path, networks):
    (tmp_path / 'thesis.tex').write_text('years of work')
    with pytest.raises(GraspDecoderError, match='exists and is not a bundle'):
        write_bundle(tmp_path, networks[:1], TRIALS, TRIALS, make_manifest())
    assert (tmp_path / 'thesis.tex').read_text() == 'years of work'
