# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""YAML files are plain data, or refused in one line."""

import os

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.yaml_file import read_yaml

LAUGHS = ''.join(f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 9) if i else "lol"}]\n' for i in range(12))


@pytest.mark.parametrize(
    'content, problem',
    [
        (LAUGHS, r'write out what \* stands for'),
        ('[' * 5000, 'is not YAML'),
        ('day: 2020-13-45', 'is not YAML'),
        ('!!python/object/apply:os.mkdir [harm]', 'is not YAML'),
        ('\0', 'is not YAML'),
        ('a: 1\n' * 300_000, 'longer than 1 MiB'),
    ],
)
def test_what_harms_is_refused(tmp_path, monkeypatch, content, problem):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'x.yaml').write_text(content)
    with pytest.raises(GraspDecoderError, match=problem) as error:
        read_yaml(tmp_path / 'x.yaml', 'map')
    assert '\n' not in str(error.value)
    assert os.listdir(tmp_path) == ['x.yaml']


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(GraspDecoderError, match='not a plain file'):
        read_yaml(tmp_path / 'pipe', 'map')


def test_a_message_is_one_line_without_control_characters():
    assert str(GraspDecoderError('unknown entry "a\n\x1b[2J"')) == 'unknown entry "a ?[2J"'
