# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""One recording, written in the formats of others: by their libraries, or in the layout that Neo reads.

No library writes Plexon's, NeuroExplorer's, Blackrock's, MATLAB 7.3's and phy's files, or none that is at hand. Each
writer here names the document in which the maker describes the layout.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import h5py
import neo
import numpy as np
import pynwb
import quantities as pq

CLOCK_HZ = 40_000
"""Of all formats: a tick is 25 us, so that times in ticks, in seconds and in ns are the same."""


@dataclass(frozen=True)
class LongRecording:
    """What a system records: units and codes in one go.

    Attributes:
        spikes: ticks of each unit, ascending; unit i is on electrode i + 1 with sort code 1.
        codes: (tick, code) of every event, ascending.
    """

    spikes: list[np.ndarray]
    codes: list[tuple[int, int]]

    @property
    def stop(self) -> int:
        return 1 + max(self.codes[-1][0], *(int(ticks[-1]) for ticks in self.spikes))


def write_plx(recording: LongRecording, path: Path) -> None:
    """Plexon's file, version 106: "Plexon Offline SDK", structures PL_FileHeader to PL_DataBlockHeader."""
    head = bytearray(7504)
    put(head, 0, '<u4', 0x58454C50, '<i4', 106)
    put(head, 136, '<i4', CLOCK_HZ, '<i4', len(recording.spikes), '<i4', 1, '<i4', 0, '<i4', 32, '<i4', 8)
    put(head, 160, '<i4', 2020, '<i4', 1, '<i4', 2, '<i4', 3, '<i4', 4, '<i4', 5)
    put(head, 188, '<i4', CLOCK_HZ, '<f8', recording.stop)
    put(head, 200, 'u1', 1, 'u1', 1, 'u1', 12, 'u1', 12, '<u2', 3000, '<u2', 5000, '<u2', 1000)
    channels = bytearray()
    for channel in range(1, len(recording.spikes) + 1):
        one = bytearray(1020)
        put(one, 0, 'S32', f'sig{channel:03}', 'S32', f'sig{channel:03}', '<i4', channel, '<i4', 10, '<i4', channel)
        put(one, 80, '<i4', 1)  # gain
        channels += one
    strobed = bytearray(296)
    put(strobed, 0, 'S32', 'Strobed', '<i4', 257)
    blocks = [(int(tick), 1, 1 + unit, 1) for unit, ticks in enumerate(recording.spikes) for tick in ticks]
    blocks += [(tick, 4, 257, code) for tick, code in recording.codes]
    data = bytearray()
    for tick, kind, channel, unit in sorted(blocks):
        block = bytearray(16)
        put(block, 0, '<u2', kind, '<u2', tick >> 32, '<u4', tick & 0xFFFFFFFF, '<u2', channel, '<u2', unit)
        data += block
    path.write_bytes(head + channels + strobed + data)


def write_nex(recording: LongRecording, path: Path) -> None:
    """A file of NeuroExplorer, version 104: "NeuroExplorer data file format", NexFileHeader and NexVarHeader.

    Units are variables of type 0; each code is a variable of type 1, whose name is all that says which it is.
    """
    variables = [(0, f'sig{unit:03}a', ticks) for unit, ticks in enumerate(recording.spikes)]
    variables += [(1, f'{code}', ticks) for code, ticks in ticks_of_codes(recording).items()]
    head = bytearray(544)
    put(head, 0, 'S4', 'NEX1', '<i4', 104)
    put(head, 264, '<f8', CLOCK_HZ, '<i4', 0, '<i4', recording.stop, '<i4', len(variables))
    data, headers, offset = b'', b'', 544 + 208 * len(variables)
    for kind, name, ticks in variables:
        one = bytearray(208)
        put(one, 0, '<i4', kind, '<i4', 100, 'S64', name, '<i4', offset + len(data), '<i4', len(ticks))
        headers += one
        data += np.asarray(ticks, '<i4').tobytes()
    path.write_bytes(head + headers + data)


def write_nev(recording: LongRecording, path: Path) -> None:
    """Blackrock's file, version 2.3: "NEV file format 2.3"; codes are words on the digital input."""
    extended = b''
    for electrode in range(1, len(recording.spikes) + 1):
        one = bytearray(32)
        put(one, 0, 'S8', 'NEUEVWAV', '<u2', electrode, 'u1', 1, 'u1', electrode, '<u2', 250)
        put(one, 20, 'u1', 1, 'u1', 2, '<u2', 48)
        extended += one
    size, count = 104, len(recording.spikes)
    head = bytearray(336)
    put(head, 0, 'S8', 'NEURALEV', 'u1', 2, 'u1', 3, '<u2', 1, '<u4', 336 + 32 * count, '<u4', size)
    put(head, 20, '<u4', CLOCK_HZ, '<u4', CLOCK_HZ, '<u2', 2020, '<u2', 1, '<u2', 4, '<u2', 2)
    put(head, 332, '<u4', count)
    packets = [(int(tick), 1 + unit, 1) for unit, ticks in enumerate(recording.spikes) for tick in ticks]
    packets += [(tick, 0, code) for tick, code in recording.codes]
    data = bytearray()
    for tick, electrode, value in sorted(packets):
        packet = bytearray(size)
        put(packet, 0, '<u4', tick, '<u2', electrode)
        put(packet, 6, *(('u1', value) if electrode else ('u1', 1, 'u1', 0, '<u2', value)))
        data += packet
    path.write_bytes(head + extended + data)


def write_phy(recording: LongRecording, path: Path) -> None:
    """A folder of Kilosort and phy: "Dataset requirements" of phy's documentation. It holds no events."""
    path.mkdir()
    units = np.repeat(np.arange(len(recording.spikes), dtype=np.int32), [len(ticks) for ticks in recording.spikes])
    ticks = np.concatenate(recording.spikes).astype(np.uint64)
    order = np.argsort(ticks, kind='stable')
    for name, array in (('spike_times', ticks), ('spike_templates', units), ('spike_clusters', units)):
        np.save(path / f'{name}.npy', array[order])
    (path / 'params.py').write_text(f"dat_path = 'x.dat'\nn_channels_dat = 8\nsample_rate = {CLOCK_HZ}.\n")
    rows = [f'{unit}\tgood\n' for unit in range(len(recording.spikes))]
    (path / 'cluster_group.tsv').write_text('cluster_id\tgroup\n' + ''.join(rows))


def write_long_nwb(recording: LongRecording, path: Path) -> None:
    """NWB 2 by pynwb; codes are annotations."""
    content = pynwb.NWBFile(
        session_description='x', identifier='x', session_start_time=datetime(2020, 1, 1, tzinfo=UTC)
    )
    for ticks in recording.spikes:
        content.add_unit(spike_times=ticks / CLOCK_HZ)
    seconds, codes = zip(*((tick / CLOCK_HZ, str(code)) for tick, code in recording.codes))
    content.add_acquisition(pynwb.misc.AnnotationSeries(name='codes', data=list(codes), timestamps=list(seconds)))
    with pynwb.NWBHDF5IO(str(path), 'w') as file:
        file.write(content)


def write_long_nix(recording: LongRecording, path: Path) -> None:
    """NIX by Neo."""
    with neo.NixIO(str(path), mode='ow') as writer:
        writer.write_block(neo_block(recording))


def write_long_mat(recording: LongRecording, path: Path) -> None:
    """A file of NeoMatlabIO, by Neo."""
    neo.io.NeoMatlabIO(str(path)).write_block(neo_block(recording))


def neo_block(recording: LongRecording) -> neo.Block:
    """The recording as one segment of Neo."""
    block, segment = neo.Block(name='x'), neo.Segment()
    block.segments.append(segment)
    seconds, codes = zip(*((tick / CLOCK_HZ, str(code)) for tick, code in recording.codes))
    segment.events.append(neo.Event(np.array(seconds) * pq.s, labels=np.array(codes)))
    for unit, ticks in enumerate(recording.spikes):
        times = {'t_start': 0 * pq.s, 't_stop': recording.stop / CLOCK_HZ * pq.s}
        segment.spiketrains.append(neo.SpikeTrain(ticks / CLOCK_HZ * pq.s, **times, electrode=unit + 1, u=1))
    return block


def write_mat73(path: Path, variables: dict) -> None:
    """A file of MATLAB 7.3: "MAT-File Versions" of its documentation, and what MATLAB's own files hold.

    Args:
        variables: of text, arrays, dicts (structs), lists (cells), and tuples of dicts (structs of several elements).
    """
    with h5py.File(path, 'w', userblock_size=512) as file:
        file.create_group('#refs#')
        for name, value in variables.items():
            _put_mat73(file, file, name, value)
    with open(path, 'r+b') as raw:
        raw.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .'.ljust(124) + b'\x00\x02IM')


def mat73_struct(struct: dict) -> dict:
    """What `scipy.io.loadmat` gives of an older file, as `write_mat73` takes it."""
    found = {}
    for name, value in struct.items():
        if isinstance(value, np.ndarray) and value.dtype == object and value.size and value.ravel()[0] is None:
            found[name] = {}  # a struct without fields
        elif isinstance(value, np.ndarray) and value.dtype == object:
            found[name] = [mat73_struct(fields_of(each)) for each in value.ravel()]
        elif isinstance(value, np.ndarray) and value.dtype.names:
            found[name] = mat73_struct(fields_of(value))
        elif isinstance(value, np.ndarray) and value.dtype.kind == 'U':
            found[name] = value.tolist()[0] if value.size == 1 else '\n'.join(value.ravel().tolist())
        else:
            found[name] = value
    return found


def fields_of(struct: np.ndarray) -> dict:
    """The fields of a struct that scipy has read."""
    return {name: struct[name].ravel()[0] for name in struct.dtype.names or ()}


def _put_mat73(file, group, name, value):
    if isinstance(value, dict):
        item = group.create_group(name)
        item.attrs['MATLAB_class'] = np.bytes_('struct')
        for field, each in value.items():
            _put_mat73(file, item, field, each)
        return item
    if isinstance(value, tuple):
        item = group.create_group(name)
        item.attrs['MATLAB_class'] = np.bytes_('struct')
        for field in value[0]:
            item.create_dataset(field, data=_references(file, [each[field] for each in value]), dtype=h5py.ref_dtype)
        return item
    if isinstance(value, list) and value:
        item = group.create_dataset(name, data=_references(file, value), dtype=h5py.ref_dtype)
        item.attrs['MATLAB_class'] = np.bytes_('cell')
        return item
    if isinstance(value, str) and value:
        rows = np.array([list(row.encode('utf-16-le')) for row in value.split('\n')], dtype='u1').view('<u2')
        item = group.create_dataset(name, data=rows.T)
        item.attrs['MATLAB_class'], item.attrs['MATLAB_int_decode'] = np.bytes_('char'), np.int32(2)
        return item
    array = np.atleast_2d(np.zeros((0, 0)) if isinstance(value, (str, list)) else np.asarray(value))
    kind = {str: 'char', list: 'cell'}.get(type(value), {'f': 'double', 'b': 'logical'}.get(array.dtype.kind, 'int64'))
    if array.size:
        item = group.create_dataset(name, data=array.astype('u1').T if kind == 'logical' else array.T)
    else:
        item = group.create_dataset(name, data=np.array(array.shape, np.uint64))
        item.attrs['MATLAB_empty'] = np.uint8(1)
    item.attrs['MATLAB_class'] = np.bytes_(kind)
    return item


def _references(file, values):
    found = np.empty((len(values), 1), dtype=h5py.ref_dtype)
    for place, value in enumerate(values):
        found[place, 0] = _put_mat73(file, file['#refs#'], f'r{len(file["#refs#"])}', value).ref
    return found


def ticks_of_codes(recording: LongRecording) -> dict[int, list[int]]:
    """When each code was."""
    found: dict[int, list[int]] = {}
    for tick, code in recording.codes:
        found.setdefault(code, []).append(tick)
    return found


def put(buffer: bytearray, place: int, *kinds_and_values) -> None:
    """Write values of some types into a buffer, one after the other."""
    for kind, value in zip(kinds_and_values[::2], kinds_and_values[1::2]):
        data = np.array(value, dtype=kind).tobytes()
        buffer[place : place + len(data)] = data
        place += len(data)
