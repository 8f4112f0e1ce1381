# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""read_session: any recording in, one `Session` out, checked and cached.

1. The source's hash and that of how it is read (mapping, names of objects) are looked up in the cache (`cache.py`).
2. An .mcap file, or a folder of ``ros2 bag`` with one, is a run that was recorded (`mcap.py`), a .mat file with X and Y
   binned spikes beside movement (`binned_kinematics.py`). Any other .mat file goes through the fast reader
   (`neo_mat.py`), an .nwb file through pynwb (`nwb.py`); all else, and what the fast reader does not know, through
   Neo (`neo_reader.py`).
3. `block_to_session.py`: one long recording is cut into trials, names are mapped, objects get their ids, times become
   int64 ns, spikes of a trial are merged in time order, and what cannot be decoded from is refused with the reason.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording import cache, mat5, mat73
from grasp_decoder.recording.binned_kinematics import is_binned_kinematics, kinematics_session
from grasp_decoder.recording.block_to_session import session_from_block
from grasp_decoder.recording.mapping import Mapping, default_mapping, load_mapping
from grasp_decoder.recording.neo_mat import block_of_struct, read_neo_mat
from grasp_decoder.recording.neo_reader import read_with_neo
from grasp_decoder.recording.nwb import SUFFIX, read_nwb
from grasp_decoder.recording.recorded_block import RecordedBlock
from grasp_decoder.recording.session import Session

_log = logging.getLogger(__name__)


def read_session(path, mapping=None, objects: ObjectCatalogue | None = None) -> Session:
    """The session in a file or folder.

    Args:
        path: anything that Neo reads, .mat files of NeoMatlabIO the fast way; or an .mcap file of a recorded run.
        mapping: `Mapping`, or the path of a mapping YAML; the .neo.mat schema by default.
        objects: the catalogue that knows the objects' names; the package's own by default.

    Raises:
        GraspDecoderError: the file is missing, is no recording, or cannot be decoded from.
    """
    if not str(path):
        raise GraspDecoderError('no recording is given')
    path = Path(path)
    if not isinstance(mapping, Mapping):
        mapping = default_mapping() if mapping is None else load_mapping(mapping)
    objects = load_objects() if objects is None else objects
    sha256, how = cache.source_sha256(path), _how_it_is_read(mapping, objects)
    session = cache.load(sha256, how)
    if session is None:
        file = _recorded_run(path)
        binned = file is None and path.suffix.lower() == '.mat' and is_binned_kinematics(path)
        if (file or binned) and mapping.sha256 != default_mapping().sha256:
            raise GraspDecoderError(
                f'{path}: {"a recorded run" if file else "binned movements"} needs no mapping and no table of trials: '
                'leave them out'
            )
        if file is not None:
            try:
                from grasp_decoder.recording.mcap import read_mcap  # not needed otherwise
            except ModuleNotFoundError as missing:
                raise GraspDecoderError(
                    f'{path}: MCAP files need the Python packages mcap and mcap-ros2-support ({missing})'
                ) from None
            session = read_mcap(file, sha256)
        elif binned:
            session = kinematics_session(path, sha256)
        else:
            session = session_from_block(path, read_block(path), mapping, objects, sha256)
        session = cache.keep(session, how)
    return session if session.name else replace(session, name=_stem(path))


def _how_it_is_read(mapping: Mapping, objects: ObjectCatalogue) -> str:
    """Hash of all that decides what a recording becomes."""
    ids = [each.object_id for each in objects.objects], sorted(objects.copies), sorted(objects.names.items())
    return hashlib.sha256(repr((mapping.sha256, ids)).encode()).hexdigest()


def _recorded_run(path: Path) -> Path | None:
    """The MCAP file that a path is, or that is in a folder of ``ros2 bag``; None for any other recording."""
    if path.suffix.lower() == '.mcap':
        return path
    if not path.is_dir() or not (path / 'metadata.yaml').is_file():
        return None
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == '.mcap')
    if len(files) != 1:
        raise GraspDecoderError(f'{path}: a folder of ros2 bag with {len(files)} MCAP files: give one of them')
    return files[0]


def read_block(path: Path) -> RecordedBlock:
    """The block in a file, with names and times as the file has them."""
    if path.suffix.lower() == SUFFIX:
        return read_nwb(path)
    if path.suffix.lower() != '.mat':
        return read_with_neo(path)
    try:
        block = _read_mat73(path) if mat73.is_mat73(path) else read_neo_mat(path)
    except GraspDecoderError:
        raise
    except mat5.DamagedFile as damage:
        raise GraspDecoderError(f'{path}: the file is damaged: {damage}; copy it again') from None
    except Exception as reason:  # another layout can fail anywhere; Neo has the last word
        _log.info('%s: read by Neo (%s)', path, reason)
        return read_with_neo(path)
    if block is None:
        raise GraspDecoderError(
            f'{path}: a .mat file without a Neo block: expected the variable "block" that Neo\'s NeoMatlabIO writes;'
            ' docs/sources.md shows how arrays become a session'
        )
    return block


def _read_mat73(path: Path) -> RecordedBlock | None:
    block = mat73.read_variables(path, ('block',)).get('block')
    try:
        return None if block is None else block_of_struct(block)
    except Exception as reason:  # another layout can fail anywhere
        raise GraspDecoderError(
            f'{path}: its variable "block" is not as Neo\'s NeoMatlabIO writes it ({reason}); docs/sources.md shows how'
            ' arrays become a session'
        ) from None


def _stem(path: Path) -> str:
    return path.stem.removesuffix('.neo') if path.suffix.lower() == '.mat' else path.stem
