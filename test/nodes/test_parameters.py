# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Parameters of nodes: declared from a dataclass, described and checked."""

from dataclasses import dataclass

import pytest

from grasp_decoder.errors import GraspDecoderError

pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')

from rclpy.parameter import Parameter

from grasp_decoder.nodes.parameters import declare
from grasp_decoder.types.setting import Settings, setting


@dataclass(frozen=True)
class Some(Settings):
    speed: float = setting(1.0, 'how fast', unit='m/s', low=0.0, high=10.0)
    count: int = setting(3, 'how many', low=0, high=5)
    kind: str = setting('red', 'which', choices=('red', 'blue'))
    quiet: bool = setting(False, 'say nothing')


@pytest.fixture
def node_with(domain_id):
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    nodes = []

    def node_with(**values):
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        nodes.append(rclpy.create_node('settings', context=context, parameter_overrides=overrides))
        return nodes[-1]

    yield node_with
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_only_dynamic_parameters_change_and_only_as_the_node_allows(node_with):
    @dataclass(frozen=True)
    class Changing(Settings):
        depth: int = setting(2, 'how deep', low=0, high=64, dynamic=True)
        name: str = setting('x', 'which')

        def __post_init__(self):
            super().__post_init__()
            if self.depth == 13:
                raise GraspDecoderError('not 13')

    taken = []
    node = node_with()
    assert declare(node, Changing, taken.append) == Changing()
    node.declare_parameter('of_somebody_else', 1)
    answers = [
        node.set_parameters([Parameter(name, value=value)])[0]
        for name, value in (('depth', 5), ('depth', 65), ('depth', 13), ('name', 'y'), ('of_somebody_else', 2))
    ]
    assert [answer.successful for answer in answers] == [True, False, False, False, True]
    assert answers[2].reason == 'not 13'
    assert taken == [Changing(depth=5)]
    assert node.get_parameter('depth').value == 5


def test_what_is_fixed_by_configuring_can_be_set_before(node_with):
    @dataclass(frozen=True)
    class Opened(Settings):
        bundle: str = setting('', 'which')

    taken, configured = [], []
    node = node_with()
    declare(node, Opened, taken.append, lambda: bool(configured))
    assert node.set_parameters([Parameter('bundle', value='a')])[0].successful
    configured.append(True)
    [answer] = node.set_parameters([Parameter('bundle', value='b')])
    assert not answer.successful and answer.reason == 'bundle can be set while the node is not configured'
    assert taken == [Opened('a')] and node.get_parameter('bundle').value == 'a'


def test_defaults_values_and_descriptions(node_with):
    assert declare(node_with(), Some) == Some()
    node = node_with(speed=2.5, count=5, kind='blue', quiet=True)
    assert declare(node, Some) == Some(2.5, 5, 'blue', True)
    described = node.describe_parameter('speed')
    assert described.description == 'how fast (m/s)' and described.read_only
    assert (described.floating_point_range[0].from_value, described.floating_point_range[0].to_value) == (0.0, 10.0)
    assert node.describe_parameter('count').integer_range[0].to_value == 5
    assert 'red, blue' in node.describe_parameter('kind').additional_constraints


@pytest.mark.parametrize(
    'name, value, expected',
    [
        ('speed', 11.0, 'a decimal number from 0.0 to 10.0'),
        ('speed', 'fast', 'a decimal number'),
        ('count', 6, 'a whole number from 0 to 5'),
        ('count', 1.5, 'a whole number'),
        ('kind', 'green', 'one of red, blue'),
        ('quiet', 'yes', 'true or false'),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(node_with, name, value, expected):
    with pytest.raises(GraspDecoderError, match=expected) as error:
        declare(node_with(**{name: value}), Some)
    assert str(error.value).startswith('settings: ') and name in str(error.value)
    assert '\n' not in str(error.value)
