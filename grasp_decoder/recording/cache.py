# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Sessions kept as memory-mapped arrays, by the hash of the file that they were read from.

One folder per source, way to read it and layout below $XDG_CACHE_HOME/grasp_decoder/sessions (~/.cache when unset).
Nothing is pickled. A folder appears whole or not at all, with the hash of each of its files; one that is damaged is
read anew. Where all of it is larger than `MOST_BYTES`, those that were not used for the longest time are deleted.
Deleting any of it is safe.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import logging
import mmap
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Session, Trial, Unit
from grasp_decoder.safe_file import MIB, flush_folder, open_plain, read_plain
from grasp_decoder.share import cache_directory

MOST_BYTES = 20 << 30

_TRIAL_ENTRIES = ('id', 'start_ns', 'stop_ns', 'events', 'object_id', 'correct', 'excluded')
_TABLE, _HASHES = 'session.json', 'files.sha256'
_ARRAYS = ('times_ns', 'units', 'signal_times_ns', 'signal_values')
_MOST_FILES = 10_000
_LAYOUT = 4  # count up whenever what is stored, or how it is read from a recording, changes
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptSession:
    """A session in the cache.

    Attributes:
        folder: where it is.
        name: of the session; ``damaged`` where that cannot be read.
        size: bytes.
        used_s: when it was kept or last loaded, s since 1970.
    """

    folder: Path
    name: str
    size: int
    used_s: float


def source_sha256(path: Path) -> str:
    """Hash of a file's bytes, or of the names and bytes of all files in a folder."""
    try:
        if not path.is_dir():
            return _file_sha256(path).hexdigest()
        whole = hashlib.sha256()
        files = list(itertools.islice((file for file in path.rglob('*') if file.is_file()), _MOST_FILES + 1))
        if len(files) > _MOST_FILES:
            raise GraspDecoderError(f'{path}: no recording: the folder has more than {_MOST_FILES} files')
        for file in sorted(files):
            whole.update(os.fsencode(file.relative_to(path)) + b'\0' + _file_sha256(file).digest())
        return whole.hexdigest()
    except FileNotFoundError:
        raise GraspDecoderError(f'{path}: no such file') from None
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot be read: {error.strerror}') from None


def _file_sha256(path: Path):
    with open_plain(path) as file:
        return hashlib.file_digest(file, 'sha256')


def load(sha256: str, how_sha256: str) -> Session | None:
    """The session of a source as it was kept; None when it was not. ``how_sha256`` is the hash of how it was read."""
    folder = _folder(sha256, how_sha256)
    try:
        _check_content(folder)
        with contextlib.suppress(OSError):  # a cache of others may be read-only
            os.utime(folder)
        table = json.loads((folder / _TABLE).read_text(encoding='utf-8'))
        arrays = {
            name: np.asarray(np.load(folder / f'{name}.npy', mmap_mode='r', allow_pickle=False)) for name in _ARRAYS
        }
        return _session(table, arrays)
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        if not folder.exists():
            return None
        _log.warning('%s: damaged cache, reading the recording again (%s)', folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return None


def keep(session: Session, how_sha256: str) -> Session:
    """Keep a session, and give it back as `load` will; as it is when the cache cannot be written."""
    folder = _folder(session.source_sha256, how_sha256)
    table, arrays = _tables(session)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.new_', ignore_cleanup_errors=True) as scratch:
            whole = Path(scratch, 'whole')
            whole.mkdir()
            for name, array in arrays.items():
                np.save(whole / f'{name}.npy', array, allow_pickle=False)
            (whole / _TABLE).write_text(json.dumps(table), encoding='utf-8')
            (whole / _HASHES).write_text(_hashes(whole), encoding='utf-8')
            flush_folder(whole)
            whole.rename(folder)
        _make_room(folder)
    except OSError as error:
        if not folder.exists():  # else another process was faster
            _log.warning('%s: the session is not cached: %s', folder.parent, error.strerror)
            return session
    return load(session.source_sha256, how_sha256) or session


def sessions_folder() -> Path:
    """Where sessions are kept."""
    return cache_directory() / 'sessions'


def kept_sessions() -> list[KeptSession]:
    """All sessions in the cache, those that were not used for the longest time first."""
    found = []
    for folder in sessions_folder().glob('[!.]*'):  # others are being written
        with contextlib.suppress(OSError):  # another process deletes it
            size = sum(path.stat().st_size for path in folder.rglob('*'))
            try:
                name = str(json.loads((folder / _TABLE).read_text(encoding='utf-8'))['name'])
            except (OSError, ValueError, KeyError, TypeError):
                name = 'damaged'
            found.append(KeptSession(folder, name, size, folder.stat().st_mtime))
    return sorted(found, key=lambda each: each.used_s)


def clear() -> None:
    """Delete all sessions in the cache; those that a process has loaded stay readable for it."""
    shutil.rmtree(sessions_folder(), ignore_errors=True)


def _make_room(newest: Path) -> None:
    kept = kept_sessions()
    too_much = sum(each.size for each in kept) - MOST_BYTES
    for each in kept:
        if too_much > 0 and each.folder != newest:
            shutil.rmtree(each.folder, ignore_errors=True)
            too_much -= each.size


def _check_content(folder: Path) -> None:
    if read_plain(folder / _HASHES, MIB).decode() != _hashes(folder):
        raise ValueError('its content has changed')


def _hashes(folder: Path) -> str:
    """As sha256sum writes them."""
    names = (_TABLE, *(f'{name}.npy' for name in _ARRAYS))
    return ''.join(f'{_file_sha256(folder / name).hexdigest()}  {name}\n' for name in names)


def release(session: Session) -> None:
    """Give back the memory into which a kept session's arrays were read; they stay what they are, on disk.

    Without it a pass over a long session leaves all of its spikes in memory.
    """
    trial = session.trials[0]
    for array in (trial.times_ns, trial.units, *itertools.chain.from_iterable(trial.signals.values())):
        while isinstance(array, np.ndarray):
            array = array.base
        if isinstance(array, mmap.mmap):
            array.madvise(mmap.MADV_DONTNEED)


def _folder(sha256: str, how_sha256: str) -> Path:
    return sessions_folder() / f'{sha256}-{how_sha256[:16]}-{_LAYOUT}'


def _tables(session: Session) -> tuple[dict, dict[str, np.ndarray]]:
    """A session as one JSON table and four long arrays, trial after trial."""
    signals = [signal for trial in session.trials for signal in trial.signals.values()]
    trials = []
    for trial in session.trials:
        row = {name: getattr(trial, name) for name in _TRIAL_ENTRIES}
        row['spikes'] = len(trial.times_ns)
        row['signals'] = {name: values.shape for name, (_, values) in trial.signals.items()}
        trials.append(row)
    units = [asdict(unit) for unit in session.units]
    table = {
        'name': session.name,
        'sha256': session.source_sha256,
        'remarks': session.remarks,
        'units': units,
        'trials': trials,
    }
    return table, {
        'times_ns': np.concatenate([trial.times_ns for trial in session.trials]),
        'units': np.concatenate([trial.units for trial in session.trials]),
        'signal_times_ns': np.concatenate([np.zeros(0, np.int64), *(times for times, _ in signals)]),
        'signal_values': np.concatenate([np.zeros(0), *(values.ravel() for _, values in signals)]),
    }


def _session(table: dict, arrays: dict[str, np.ndarray]) -> Session:
    trials = []
    spike = sample = value = 0
    for row in table['trials']:
        signals = {}
        for name, (samples, channels) in row.pop('signals').items():
            signals[name] = (
                arrays['signal_times_ns'][sample : sample + samples],
                arrays['signal_values'][value : value + samples * channels].reshape(samples, channels),
            )
            sample, value = sample + samples, value + samples * channels
        stop = spike + row.pop('spikes')
        spikes = slice(spike, stop)
        trials.append(Trial(times_ns=arrays['times_ns'][spikes], units=arrays['units'][spikes], signals=signals, **row))
        spike = stop
    if spike != len(arrays['times_ns']) or spike != len(arrays['units']):
        raise ValueError('arrays of another length')
    units = tuple(Unit(**unit) for unit in table['units'])
    return Session(table['name'], units, tuple(trials), table['sha256'], tuple(table['remarks']))
