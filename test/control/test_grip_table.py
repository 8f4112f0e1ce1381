# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The grip table: defaults, postures, and errors that name the entry."""

import numpy as np
import pytest
import yaml

from grasp_decoder.control.grip_table import PRESHAPE_APERTURE, load_grip_table
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.objects import load_objects
from grasp_decoder.share import share_directory


@pytest.mark.parametrize('object_id, same_as', [(11, 41), (12, 54), (13, 34), (14, 44), (16, 25)])
def test_copies_of_an_object_take_its_grip(object_id, same_as):
    grips = load_grip_table()
    assert grips.grip_of(object_id) == grips.grip_of(same_as)


@pytest.mark.parametrize('object_id', [-1, 1, 8, 85, 99, 1234])
def test_an_unlisted_object_takes_the_power_grip(object_id):
    assert load_grip_table().grip_of(object_id) == 'power'


def test_apertures_lead_from_open_through_preshape_to_closed():
    grips = load_grip_table()
    for grip, postures in grips.postures.items():
        for aperture, posture in zip((0.0, PRESHAPE_APERTURE, 1.0), postures):
            np.testing.assert_allclose(grips.motor_angles(grip, aperture), posture)


def test_grips_come_from_the_catalogue_of_objects(tmp_path):
    (tmp_path / 'my.yaml').write_text('objects: [{id: key, grip: lateral}, {id: cup}]')
    grips = load_grip_table(objects=load_objects(tmp_path / 'my.yaml'))
    assert [grips.grip_of(object_id) for object_id in (1, 2, 3)] == ['lateral', 'power', 'power']
    (tmp_path / 'my.yaml').write_text('objects: [{id: key, grip: pinch}]')
    with pytest.raises(GraspDecoderError, match=r"grips.yaml: grips: has no 'pinch', which key takes \(.*my.yaml\)"):
        load_grip_table(objects=load_objects(tmp_path / 'my.yaml'))


def changed(tmp_path, change):
    """The package's table with a change."""
    content = yaml.safe_load((share_directory() / 'config' / 'grips.yaml').read_text())
    change(content)
    path = tmp_path / 'grips.yaml'
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    'change, error',
    [
        (lambda c: c.pop('grips'), 'grips is missing'),
        (lambda c: c.update(gripz={}), 'gripz is not known here'),
        (lambda c: c.update(motors={}), 'motors: is empty'),
        (lambda c: c['motors']['thumb_flexion'].update(low=2.0), 'thumb_flexion: low, 2.0, must be below'),
        (lambda c: c['motors']['thumb_flexion'].update(max_velocity=0), 'thumb_flexion: max_velocity and'),
        (
            lambda c: c['motors']['thumb_flexion'].update(high='far'),
            "thumb_flexion: high: 'far' is not a finite number",
        ),
        (lambda c: c['motors']['thumb_flexion'].update(high=10**400), 'thumb_flexion: high: a number is too large'),
        (lambda c: c['motors']['thumb_flexion']['joints'].update(index_mcp=1.0), 'another motor moves index_mcp'),
        (lambda c: c['grips']['power']['closed'].update(index_flexion=9.0), 'power: closed: index_flexion: 9.0 lies'),
        (lambda c: c['grips']['power']['closed'].pop('index_flexion'), 'power: closed: index_flexion is missing'),
        (lambda c: c['grips']['power'].pop('preshape'), 'grips: power: preshape is missing'),
        (lambda c: c.update(objects={11: 'power'}), 'said by a catalogue of objects (--objects)'),
        (lambda c: c.update(default_grip='none'), "default_grip: 'none' is not one of the grips"),
    ],
)
def test_errors_name_file_and_entry(tmp_path, change, error):
    path = changed(tmp_path, change)
    with pytest.raises(GraspDecoderError) as raised:
        load_grip_table(path)
    assert str(raised.value).startswith(f'{path}: ')
    assert error in str(raised.value)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize('text', ['', '[]', 'a: [', '\x00'])
def test_files_that_are_no_table_are_refused(tmp_path, text):
    path = tmp_path / 'grips.yaml'
    path.write_text(text)
    with pytest.raises(GraspDecoderError, match='grips.yaml') as raised:
        load_grip_table(path)
    assert '\n' not in str(raised.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(GraspDecoderError, match='cannot read'):
        load_grip_table(tmp_path / 'none.yaml')
