# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The catalogue of objects: the paper's, one of names, and errors that name file and entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import GraspObject, load_merge, load_objects

TWO = """
objects:
  - {id: side, shape: plate, size_m: 0.03, grip: lateral}
  - {id: precision, label: pinch}
copies: {side2: side}
"""


@pytest.fixture
def written(tmp_path):
    path = tmp_path / 'my.yaml'

    def write(text):
        path.write_text(text)
        return path

    return write


def test_the_papers_objects():
    objects = load_objects()
    assert objects.copies == {11: 41, 12: 54, 13: 34, 14: 44, 16: 25}
    assert objects.find(25) == GraspObject(25, 'object 25', 'ring', 0.035, 'hook')
    assert objects.find(16) == GraspObject(16, 'object 25', 'ring', 0.035, 'hook')
    assert objects.find(15).shape not in {each.shape for each in objects.objects if each.object_id != 15}
    several = objects.in_several_sizes()
    assert [each.object_id for each in several] == [each.object_id for each in objects.objects if each.object_id != 15]
    for each in several:  # the numbers of the laboratory are shape and size
        for other in several:
            assert (each.shape == other.shape) == (each.object_id // 10 == other.object_id // 10)
            assert (each.size_m == other.size_m) == (each.object_id % 10 == other.object_id % 10)


def test_named_objects_are_numbered_by_their_place(written):
    objects = load_objects(written(TWO))
    assert objects.objects == (GraspObject(1, 'side', 'plate', 0.03, 'lateral'), GraspObject(2, 'pinch'))
    assert objects.names == {'side': 1, 'precision': 2, 'side2': 3} and objects.copies == {3: 1}
    assert objects.object_id_of('side2 \0') == 3 and objects.find(3).label == 'side'
    assert [objects.recorded(object_id) for object_id in (1, 2, 3)] == ['side', 'precision', 'side2']
    assert objects.object_id_of('pinch') is None and objects.object_id_of(1) is None
    assert objects.in_several_sizes() == ()


def test_a_row_of_several_objects_has_one_value_for_all_or_one_for_each(written):
    objects = load_objects(written('objects: [{id: [7, 3], label: [cup, key], shape: mug, size_m: [0.1, 0.02]}]'))
    assert objects.objects == (GraspObject(7, 'cup', 'mug', 0.1), GraspObject(3, 'key', 'mug', 0.02))
    assert objects.object_id_of('7') == objects.object_id_of(7) == 7 and objects.recorded(7) == 7


@given(st.integers(0, 2**31 - 1))
def test_a_number_that_is_not_listed_is_an_object_of_which_only_the_number_is_known(number):
    objects = load_objects()
    if not objects.lists(number):
        assert objects.find(number) == GraspObject(number, f'object {number}')
    assert objects.object_id_of(number) == objects.object_id_of(str(number)) == number == objects.recorded(number)


def test_a_bundle_of_another_catalogue_is_refused(written):
    objects = load_objects(written(TWO))
    objects.require_labels([1, 2], ['side', 'pinch'], 'bundle x')
    with pytest.raises(GraspDecoderError, match=r"bundle x calls object 2 'object 2', .*my.yaml calls it 'pinch'"):
        objects.require_labels([1, 2], ['side', 'object 2'], 'bundle x')


@pytest.mark.parametrize(
    'text, problem',
    [
        ('', 'needs a list "objects"'),
        ('objects: []', 'needs a list "objects"'),
        ('a: [', 'is not YAML'),
        ('{objects: [{id: 1}], obejcts: 1}', 'obejcts is not known here'),
        ('objects: [side]', 'must be a table with an id'),
        ('objects: [{id: 1, size: 3}]', 'size is not known here; known are id, label, shape, size_m, grip'),
        ('objects: [{id: [1, 2], size_m: [0.1]}]', 'size_m has 1 values for 2 ids'),
        ('objects: [{id: 1, size_m: [0.1]}]', 'size_m: [0.1] is not a number above 0'),
        ('objects: [{id: 1, size_m: 0}]', 'size_m: 0 is not a number above 0'),
        ('objects: [{id: 1, size_m: .inf}]', 'size_m: inf is not a number'),
        ('objects: [{id: 1, grip: 3}]', 'grip: 3 is not text'),
        ('objects: [{id: 1}, {id: side}]', 'either all whole numbers or all names'),
        ('objects: [{id: 1.5}]', 'either all whole numbers or all names'),
        ('objects: [{id: yes}]', 'either all whole numbers or all names'),
        ('objects: [{id: -1}]', 'id -1 is below 0'),
        ('objects: [{id: 1}, {id: [1, 2]}]', 'id 1 is there 2 times'),
        ('objects: [{id: 1, label: cup}, {id: 2, label: cup}]', 'label cup is there 2 times'),
        ('{objects: [{id: 1}], copies: {2: 3}}', 'copies: 2: 3 is no object of this file'),
        ('{objects: [{id: 1}], copies: {2: 1, 3: 2}}', 'copies: 3: 2 is no object of this file'),
        ('{objects: [{id: 1}], copies: {a: 1}}', 'either all whole numbers or all names'),
        ('{objects: [{id: 1}], copies: [2]}', 'copies: must be a table'),
    ],
)
def test_errors_name_file_and_entry(written, text, problem):
    path = written(text)
    with pytest.raises(GraspDecoderError) as raised:
        load_objects(path)
    assert str(raised.value).startswith(f'{path}: ')
    assert problem in str(raised.value) and '\n' not in str(raised.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(GraspDecoderError, match='cannot read the catalogue of objects'):
        load_objects(tmp_path / 'none.yaml')


def test_a_file_of_two_columns_replaces_the_copies_for_one_more_release(written, tmp_path):
    assert load_merge(written('31: 32\n')).copies == {31: 32}
    assert load_merge(written('')).copies == {}
    with pytest.raises(GraspDecoderError, match='no merge map'):
        load_merge(written('[1, 2]'))
    with pytest.raises(GraspDecoderError, match='No such file'):
        load_merge(tmp_path / 'absent.yaml')
