# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Declared settings: what is allowed, what is refused, and how both are told."""

from dataclasses import dataclass

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.types.setting import Settings, declarations, setting


@dataclass(frozen=True)
class Motion(Settings):
    speed: float = setting(1.0, 'how fast it moves', unit='1/s', low=0.0, high=10.0)
    count: int = setting(3, 'how often', low=0, high=5)
    end: str = setting('open', 'how it ends', choices=('open', 'closed'))
    name: str = setting('', 'what it is called')
    quiet: bool = setting(False, 'whether it says nothing')


@pytest.mark.parametrize(
    'change', [{'speed': 0.0}, {'speed': 10.0}, {'speed': 4}, {'count': 5}, {'end': 'closed'}, {'name': 'x'}]
)
def test_what_is_allowed_is_kept(change):
    assert vars(Motion(**change)) == {**vars(Motion()), **change}


@pytest.mark.parametrize(
    'change, words',
    [
        ({'speed': 10.1}, 'a decimal number from 0.0 to 10.0'),
        ({'speed': float('nan')}, 'a decimal number from 0.0 to 10.0'),
        ({'speed': '1'}, 'a decimal number from 0.0 to 10.0'),
        ({'speed': True}, 'a decimal number from 0.0 to 10.0'),
        ({'count': 6}, 'a whole number from 0 to 5'),
        ({'count': 1.0}, 'a whole number from 0 to 5'),
        ({'end': 'ajar'}, 'one of open, closed'),
        ({'name': 7}, 'text'),
        ({'quiet': 1}, 'true or false'),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(change, words):
    [(name, value)] = change.items()
    with pytest.raises(GraspDecoderError) as error:
        Motion(**change)
    assert str(error.value) == f'{name} is {value!r}: it must be {words}'


def test_declarations_come_in_order_with_name_and_meaning():
    assert [each.name for each in declarations(Motion)] == ['speed', 'count', 'end', 'name', 'quiet']
    assert [each.meaning() for each in declarations(Motion)][:2] == ['how fast it moves (1/s)', 'how often']
