# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Recordings and caches, damaged and made to harm."""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmark.fuzz_target import Target
from benchmark.mutation import mutated_bytes, mutated_tree
from grasp_decoder.cli.inspect import summary_text
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.objects import load_objects
from grasp_decoder.recording import hdf5
from grasp_decoder.recording.batches import batches
from grasp_decoder.recording.block_to_session import session_from_block
from grasp_decoder.recording.mapping import load_mapping
from grasp_decoder.recording.reading import read_block, read_session
from grasp_decoder.recording.recorded_block import RecordedBlock, RecordedEpoch, RecordedTrial
from grasp_decoder.recording.recorded_texts import recorded_texts
from grasp_decoder.recording.session import Session
from grasp_decoder.recording.summary import summarize
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.types.time import NS_PER_S

HOSTILE_NUMBERS = 0, -1, 2**31, 2**63 - 1, 1e300, np.nan, np.inf, -1.5, 255


class SessionTarget(Target):
    def prepare(self) -> None:
        import neo.io  # noqa: F401
        import scipy.io  # noqa: F401

        super().prepare()
        [self.session] = synthesize(units=8, trials=3, objects=2)
        self.seeds = [path.read_bytes() for path in self.good_files()]

    @abstractmethod
    def good_files(self) -> list[Path]:
        """Files of the kind."""

    def read(self, folder: Path) -> None:
        for path in folder.glob('input.*'):
            _use_session(read_session(path))

    def any_seed(self, rng: np.random.Generator) -> bytes:
        return self.seeds[rng.integers(len(self.seeds))]


def _use_session(session: Session) -> None:
    summary_text(session, summarize(session), load_objects())
    bin_trials(session, 40_000_000, {})
    for _ in zip(range(1000), batches(session, 10_000_000)):
        pass


class NeoMat(SessionTarget):
    """.neo.mat, as this package and as Neo write it; the compressed variable is changed inside, and whole."""

    name = 'neo_mat'

    def good_files(self) -> list[Path]:
        import neo

        ours, by_neo = self.material / 'ours.mat', self.material / 'neo.mat'
        write_session(self.session, ours)
        [block] = neo.io.NeoMatlabIO(str(ours)).read()
        block.segments[0].spiketrains[0].name = 'only this one has a name'
        neo.io.NeoMatlabIO(str(by_neo)).write_block(block)
        return [ours, by_neo]

    def read(self, folder: Path) -> None:
        with contextlib.suppress(GraspDecoderError):
            recorded_texts(folder / 'input.mat')
        super().read(folder)

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        content = self.any_seed(rng)
        kind, size = struct.unpack_from('<II', content, 128)
        if rng.random() < 0.7 and kind == 15:
            inside = zlib.compress(mutated_bytes(rng, zlib.decompress(content[136 : 136 + size])), 1)
            content = content[:128] + struct.pack('<II', 15, len(inside)) + inside
        else:
            content = mutated_bytes(rng, content)
        (folder / 'input.mat').write_bytes(content)


class LongRecording(Target):
    """One long recording that a table of trials, or a mapping, cuts into trials."""

    name = 'trials'

    def prepare(self) -> None:
        super().prepare()
        [session] = synthesize(units=4, trials=4, objects=2)
        path = self.material / 'session.mat'
        write_session(session, path)
        self._block = RecordedBlock(None, [_joined(read_block(path).trials)])
        rows = ['start_time;stop_time;hold_time;obj;correct;note']
        for trial in session.trials:
            times = (trial.start_ns, trial.stop_ns, trial.events['Hold'])
            rows.append(';'.join([*(f'{time / NS_PER_S:.3f}' for time in times), str(trial.object_id), 'yes', 'x']))
        self._table = '\n'.join(rows).encode()
        self._mappings: tuple[dict[str, Any], ...] = (
            {'trials': 'table.csv', 'events': {'hold_time': 'Hold', 'Rew': 'Rew'}, 'object': ['obj', 'object']},
            {'trial_start': 'Start', 'trial_stop': 'End', 'object': 'obj', 'results': {'x': True, 'y': False}},
            {'trial_start': 'Start', 'object': None, 'correct': None, 'leave_out_units': {'u': [0, 255]}},
            {'trial_epochs': 'trial', 'objects': {'cube': 21, '20': 44}, 'object': None, 'unit_id': 'electrode'},
            {'time_factor': 0.001, 'clock': 'trial', 'event_clock': 'trial', 'incomplete_trials': 'leave_out'},
        )

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        mapping, table = self._mappings[rng.integers(len(self._mappings))], self._table
        if 'trials' in mapping and rng.random() < 0.7:
            table = mutated_bytes(rng, table)
        else:
            mapping = mutated_tree(rng, mapping)
        (folder / 'table.csv').write_bytes(table)
        (folder / 'mapping.yaml').write_bytes(yaml.safe_dump(mapping, allow_unicode=True).encode(errors='replace'))

    def read(self, folder: Path) -> None:
        mapping = load_mapping(folder / 'mapping.yaml')
        _use_session(session_from_block(folder / 'recording.nix', self._block, mapping, load_objects()))


def _joined(trials: list[RecordedTrial]) -> RecordedTrial:
    """One long segment of them, with an epoch for each."""
    units = range(len(trials[0].spike_counts))
    spikes = [np.split(trial.spikes_s, np.cumsum(trial.spike_counts)[:-1]) for trial in trials]
    return replace(
        trials[0],
        stop_s=trials[-1].stop_s,
        events=[event for trial in trials for event in trial.events],
        spikes_s=np.concatenate([each[unit] for unit in units for each in spikes]),
        spike_counts=np.sum([trial.spike_counts for trial in trials], axis=0),
        epochs=[RecordedEpoch('trial', 'cube', trial.start_s, trial.stop_s) for trial in trials],
    )


class BinnedMat(SessionTarget):
    """.mat with binned spikes and movement."""

    name = 'binned_mat'

    def good_files(self) -> list[Path]:
        from scipy.io import savemat

        rng = np.random.default_rng(0)
        variables = {'X': rng.normal(size=(60, 4)), 'Y': rng.poisson(1, (60, 5))}
        variables['X'][::20, 2:] = 0
        for version in ('4', '5'):
            savemat(self.material / f'{version}.mat', variables, format=version)
        return sorted(self.material.glob('*.mat'))

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        (folder / 'input.mat').write_bytes(mutated_bytes(rng, self.any_seed(rng)))


class Nwb(SessionTarget):
    """NWB, as pynwb writes it: the bytes of the HDF5 file are changed, or what its datasets and attributes hold."""

    name = 'nwb'

    def prepare(self) -> None:
        import h5py  # noqa: F401

        hdf5.LONGEST_S = 5.0  # on one damaged file in a thousand the HDF5 library never ends
        super().prepare()

    def good_files(self) -> list[Path]:
        first, *others = self.session.trials
        times = first.start_ns + np.arange(5)
        first = replace(first, signals={'wrist': (times, np.zeros((5, 2)))})
        write_session(replace(self.session, trials=(first, *others)), self.material / 'ours.nwb')
        return [self.material / 'ours.nwb']

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        path = folder / 'input.nwb'
        if rng.random() < 0.5:
            path.write_bytes(mutated_bytes(rng, self.any_seed(rng)))
        else:
            path.write_bytes(self.any_seed(rng))
            _change_hdf5(rng, path)

    def read(self, folder: Path) -> None:
        for read in (super().read, lambda _: recorded_texts(folder / 'input.nwb')):
            read(folder)


def _change_hdf5(rng: np.random.Generator, path: Path) -> None:
    """Delete, replace or change up to three parts of an HDF5 file that we need, and leave it a good HDF5 file."""
    import h5py

    with h5py.File(path, 'r+') as file:
        parts: list[str] = []
        file.visit(lambda name: None if name.startswith('specifications') else parts.append(name))
        for _ in range(rng.integers(1, 4)):
            name = parts[rng.integers(len(parts))]
            try:
                item = file[name]
            except (KeyError, RuntimeError):  # it was changed before, or it is a link that leads nowhere or in a circle
                continue
            match rng.integers(5):
                case 0:
                    del file[name]
                case 1 if len(item.attrs):
                    attribute = sorted(item.attrs)[rng.integers(len(item.attrs))]
                    del item.attrs[attribute]
                    if rng.random() < 0.5:
                        item.attrs[attribute] = HOSTILE_NUMBERS[rng.integers(len(HOSTILE_NUMBERS))]
                case 2:
                    del file[name]
                    file[name] = np.full(rng.integers(0, 4, rng.integers(0, 3)), HOSTILE_NUMBERS[rng.integers(9)])
                case 3:
                    del file[name]
                    file[name] = h5py.SoftLink('/' + parts[rng.integers(len(parts))])
                case _ if isinstance(item, h5py.Dataset) and item.size and item.dtype.kind in 'iuf':
                    values = item[()].ravel()
                    data = mutated_bytes(rng, values.tobytes())
                    values = np.frombuffer(data[: len(data) // values.itemsize * values.itemsize], values.dtype)
                    attributes = dict(item.attrs)
                    del file[name]
                    file[name] = values
                    file[name].attrs.update(attributes)


class Mcap(SessionTarget):
    """Recorded runs: as the recorder writes them, and without chunks and checksums, so that more gets through."""

    name = 'mcap'

    def good_files(self) -> list[Path]:
        from mcap.writer import Writer
        from rclpy.serialization import serialize_message

        from grasp_decoder.nodes.conversion import spike_batch_message, trial_event_message
        from grasp_decoder.recording.mcap import SPIKES, TRIAL_EVENTS, Recorder
        from grasp_decoder.recording.message_definitions import message_definition
        from grasp_decoder.types.trial_event import TrialEvent

        trial = self.session.trials[0]
        events = [TrialEvent(at, 0, 0, label, trial.object_id) for label, at in trial.events.items()]
        sent = [(TRIAL_EVENTS, serialize_message(trial_event_message(event, 'x'))) for event in events]
        sent += [
            (SPIKES, serialize_message(spike_batch_message(batch, 'x'))) for batch in batches(self.session, 40_000_000)
        ]
        with Recorder(self.material / 'recorder.mcap') as recorder:
            for number, (kind, data) in enumerate(sent):
                recorder.write(f'/{kind[-6:]}', kind, data, number)
        with open(self.material / 'plain.mcap', 'wb') as file:
            writer = Writer(file, use_chunking=False, enable_crcs=False)
            writer.start(profile='ros2')
            channels = {}
            for kind in (SPIKES, TRIAL_EVENTS):
                schema = writer.register_schema(kind, 'ros2msg', message_definition(kind).encode())
                channels[kind] = writer.register_channel(f'/{kind[-6:]}', 'cdr', schema)
            for number, (kind, data) in enumerate(sent):
                writer.add_message(channels[kind], number, data, number)
            writer.finish()
        return sorted(self.material.glob('*.mcap'))

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        (folder / 'input.mcap').write_bytes(mutated_bytes(rng, self.any_seed(rng)))


class Cache(SessionTarget):
    """The files in which a session is kept: it must come back as it was."""

    name = 'cache'

    def good_files(self) -> list[Path]:
        write_session(self.session, self.material / 'session.mat')
        self.expected = read_session(self.material / 'session.mat')
        return [self.material / 'session.mat']

    def make(self, rng: np.random.Generator, folder: Path) -> None:
        (folder / 'input.mat').write_bytes(self.seeds[0])
        read_session(folder / 'input.mat')
        [kept] = (folder / 'cache' / 'grasp_decoder' / 'sessions').iterdir()
        files = sorted(kept.iterdir())
        path = files[rng.integers(len(files))]
        content = path.read_bytes()
        path.unlink()
        match rng.integers(6):
            case 0:
                pass
            case 1:
                path.touch()
            case 2:
                path.mkdir()
            case 3:
                os.mkfifo(path)
            case _:
                path.write_bytes(mutated_bytes(rng, content))

    def read(self, folder: Path) -> None:
        for _ in range(2):
            session = read_session(folder / 'input.mat')
            for read, trial in zip(session.trials, self.expected.trials, strict=True):
                assert read.events == trial.events and read.object_id == trial.object_id
                assert np.array_equal(read.times_ns, trial.times_ns) and np.array_equal(read.units, trial.units)
