# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A parameter file that ROS would ignore in part is refused in one line, before anything starts."""

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import share_directory
from grasp_decoder.system.given_parameters import check_parameter_file, refuse_undeclared
from grasp_decoder.system.node_settings import NODE_SETTINGS


def written(tmp_path, text):
    path = tmp_path / 'mine.yaml'
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    'text, namespace',
    [
        ('decoder: {ros__parameters: {reorder_depth: 3}}', '/'),
        ('/decoder: {ros__parameters: {reorder_depth: 3, use_sim_time: true}}', '/'),
        ('/**: {ros__parameters: {use_sim_time: true}}', '/left'),
        ('/**/decoder: {ros__parameters: {reorder_depth: 3}}', '/'),
        ('/**/decoder: {ros__parameters: {reorder_depth: 3}}', '/left/one'),
        ('/*/decoder: {ros__parameters: {reorder_depth: 3}}', '/left'),
        ('left: {decoder: {ros__parameters: {reorder_depth: 3}}}', '/left'),
        ('/left/decoder: {ros__parameters: {reorder_depth: 3}}', '/left'),
        ('target_guard: {ros__parameters: {on_loss: hold}}', '/'),
    ],
)
def test_what_a_node_takes_is_accepted(tmp_path, text, namespace):
    check_parameter_file(written(tmp_path, text), namespace)


@pytest.mark.parametrize(
    'text, namespace, problem',
    [
        ('hand_bridg: {ros__parameters: {grips: a}}', '/', 'no node is called /hand_bridg: did you mean /hand_bridge?'),
        ('decoder: {ros__parameters: {reorder_depth: 3}}', '/left', 'did you mean /left/decoder?'),
        ('/*/decoder: {ros__parameters: {threads: 3}}', '/', 'no node is called /*/decoder'),
        ('decoder: {ros__parameters: {reorder_dept: 3}}', '/', 'decoder has no parameter reorder_dept: did you mean'),
        ('/**: {ros__parameters: {reorder_depth: 3}}', '/', 'spike_replayer has no parameter reorder_depth'),
        ('decoder: {reorder_depth: 3}', '/', 'below /decoder/reorder_depth there is no ros__parameters'),
        ('decoder: {ros__parameters: 3}', '/', '/decoder has no parameters'),
        ('', '/', 'names no node'),
        ('decoder: [', '/', 'not YAML'),
    ],
)
def test_what_would_be_ignored_is_refused_with_the_file(tmp_path, text, namespace, problem):
    path = written(tmp_path, text)
    with pytest.raises(GraspDecoderError) as refused:
        check_parameter_file(path, namespace)
    assert str(refused.value).startswith(f'{path}: ') and problem in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(GraspDecoderError, match='cannot read the parameter file'):
        check_parameter_file(str(tmp_path / 'none.yaml'), '/')


def test_the_files_of_this_package_are_accepted_in_any_namespace():
    for name in (*NODE_SETTINGS, 'short_trials'):
        check_parameter_file(str(share_directory() / 'config' / f'{name}.yaml'), '/left')


def test_the_nearest_parameter_is_named():
    refuse_undeclared('decoder', ['bundle', 'use_sim_time'])
    with pytest.raises(GraspDecoderError, match='run_monitor has no parameter sesion: did you mean session?'):
        refuse_undeclared('run_monitor', ['sesion'])
