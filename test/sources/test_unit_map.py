# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The unit map says which spike is which unit, and does not fit a bundle with other units."""

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import Unit
from grasp_decoder.sources.unit_map import MappedUnit, UnitMap, read_unit_map, unit_map_of, unit_map_text

UNITS = [Unit(0, 3, 1), Unit(1, 3, 2), Unit(2, 7, 1)]


def written(tmp_path, text):
    path = tmp_path / 'map.csv'
    path.write_text(text)
    return path


def test_a_unit_is_a_channel_and_a_sort_code():
    unit_map = unit_map_of(UNITS, 'bundle')
    assert [unit_map.unit_of('3', 1), unit_map.unit_of('3', 2), unit_map.unit_of('7', 1)] == [0, 1, 2]
    assert unit_map.unit_of('3', 0) is unit_map.unit_of('4', 1) is None


def test_threshold_crossings_are_units_by_electrode():
    unit_map = unit_map_of([Unit(0, 5), Unit(1, 6)], 'bundle')
    assert [unit_map.unit_of('5', 0), unit_map.unit_of('5', 3), unit_map.unit_of('6', 0)] == [0, 0, 1]


def test_without_electrodes_channel_i_is_unit_i():
    unit_map = unit_map_of([Unit(0, None, 0), Unit(1, None, 1)], 'bundle')
    assert [unit_map.unit_of('0', 4), unit_map.unit_of('1', 0), unit_map.unit_of('2', 0)] == [0, 1, None]


def test_what_is_written_is_read_again(tmp_path):
    path = written(tmp_path, unit_map_text(UNITS))
    unit_map = read_unit_map(path)
    assert unit_map.units == unit_map_of(UNITS, '').units
    unit_map.check(UNITS, 'bundle')


def test_channels_may_have_names(tmp_path):
    path = written(tmp_path, 'unit,channel,sort_code,electrode\n0,Electrode 1,1,3\n1,"Tetrode, left",,3\n')
    unit_map = read_unit_map(path)
    assert unit_map.units == (MappedUnit('Electrode 1', 1, 3), MappedUnit('Tetrode, left', None, 3))
    assert unit_map.unit_of('Tetrode, left', 8) == 1


@pytest.mark.parametrize('line_end', ['\n', '\r\n', '\r'])
def test_lines_may_end_as_on_any_system(tmp_path, line_end):
    path = tmp_path / 'map.csv'
    path.write_bytes(unit_map_text(UNITS).replace('\n', line_end).encode())
    assert read_unit_map(path).units == unit_map_of(UNITS, '').units


def test_rows_that_differ_from_the_bundle_are_listed(tmp_path):
    path = written(tmp_path, 'unit,channel,sort_code\n0,3,1\n1,3,5\n2,8,1\n')
    with pytest.raises(GraspDecoderError) as refused:
        read_unit_map(path).check(UNITS, 'b')
    assert str(refused.value) == (
        f'{path} does not fit b:'
        ' unit 1 is electrode 3 sort code 5 in the map and electrode 3 sort code 2 in the bundle;'
        ' unit 2 is electrode 8 sort code 1 in the map and electrode 7 sort code 1 in the bundle'
    )


def test_only_the_first_rows_that_differ_are_listed():
    other = UnitMap([MappedUnit(str(index), 1, index) for index in range(100)], 'map')
    with pytest.raises(GraspDecoderError, match=' and 95 more$'):
        other.check([Unit(index, index, 2) for index in range(100)], 'b')


def test_another_number_of_units_is_refused():
    with pytest.raises(GraspDecoderError, match='has 3 units and b has 2'):
        unit_map_of(UNITS, 'map').check(UNITS[:2], 'b')


def test_a_name_without_an_electrode_cannot_be_compared_and_is_refused():
    with pytest.raises(GraspDecoderError, match='unit 0 is electrode None'):
        UnitMap([MappedUnit('left', 1, None)], 'map').check(UNITS[:1], 'b')


@pytest.mark.parametrize(
    'text, said',
    [
        ('', 'first line must be'),
        ('unit,channel\n0,1\n', 'first line must be'),
        ('unit,channel,sort_code,probe\n', 'first line must be'),
        ('unit,channel,sort_code\n', 'has 0 units'),
        ('unit,channel,sort_code\n0,1,1\n2,1,2\n', "line 3: unit is '2'"),
        ('unit,channel,sort_code\n0,1\n', 'line 2: .* number of cells'),
        ('unit,channel,sort_code\n0,1,2,3\n', 'line 2: .* number of cells'),
        ('unit,channel,sort_code\n0,,1\n', 'line 2: channel is empty'),
        ('unit,channel,sort_code\n0,1,a\n', "line 2: sort_code is 'a'"),
        ('unit,channel,sort_code\n0,1,1\n1,1,1\n', 'units 0 and 1 are both channel 1 sort code 1'),
        ('unit,channel,sort_code\n0,1,\n1,1,1\n', 'units 0 and 1 are both channel 1'),
        (f'unit,channel,sort_code\n0,{"1" * 2**18},1\n', 'field larger than field limit'),
        (f'unit,{"channel" * 2**17},sort_code\n', 'field larger than field limit'),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, said):
    with pytest.raises(GraspDecoderError, match=said) as refused:
        read_unit_map(written(tmp_path, text))
    assert '\n' not in str(refused.value)


def test_a_file_that_is_missing_is_one_line(tmp_path):
    with pytest.raises(GraspDecoderError, match='cannot read the unit map'):
        read_unit_map(tmp_path / 'none.csv')


def test_units_that_the_recording_cannot_tell_apart_need_a_file():
    with pytest.raises(GraspDecoderError, match='give each unit a channel and sort code of its own'):
        unit_map_of([Unit(0, 1, None), Unit(1, 1, None)], 'bundle')


def test_where_some_electrodes_are_unknown_a_file_is_needed():
    with pytest.raises(GraspDecoderError, match='bundle: it does not say the electrode of unit 1, 2: give each unit'):
        unit_map_of([Unit(0, 4, 1), Unit(1, None, 1), Unit(2, None, 2)], 'bundle')
