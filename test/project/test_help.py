# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""``--help`` of commands, nodes and benchmarks only helps: a default for each option, a word for each kind of value."""

import argparse
import importlib
import re
from pathlib import Path

import pytest

from grasp_decoder.__main__ import COMMANDS
from grasp_decoder.system.interfaces import NODES
from grasp_decoder.system.node_help import node_help
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.system.processes import NodeProcess
from grasp_decoder.types.setting import declarations

# File, folder, number, milliseconds, seconds, fraction, name, names with commas; what is read, what is written.
WORDS = {'FILE', 'DIR', 'N', 'MS', 'S', 'F', 'NAME', 'LIST', 'IN', 'OUT'}


class Built(Exception):
    """The parser was about to parse."""


def actions(parser):
    """(command, option or positional) of a parser and its sub-commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from actions(sub)
        elif action.help != argparse.SUPPRESS:
            yield action


BENCHMARKS = sorted(
    path.stem for path in (Path(__file__).parents[2] / 'benchmark').glob('*.py') if 'def main(' in path.read_text()
)


@pytest.fixture(
    params=[
        *(f'grasp_decoder.cli.{name}' for name in COMMANDS),
        *(pytest.param(f'benchmark.{name}', marks=pytest.mark.slow) for name in BENCHMARKS),
    ]
)
def parser(request, monkeypatch):
    def built(self, *arguments, **named):
        raise Built(self)

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', built)
    with pytest.raises(Built) as end:
        importlib.import_module(request.param).main([])
    return end.value.args[0]


def test_every_option_of_a_command_is_explained_with_its_default(parser):
    takes_value = [action for action in actions(parser) if action.nargs != 0]
    assert [action.dest for action in actions(parser) if not action.help] == []
    assert [a.dest for a in takes_value if not a.required and 'default: ' not in a.help] == []


def test_a_value_of_a_command_has_the_word_of_its_kind(parser):
    words = [action.metavar for action in actions(parser) if action.nargs != 0 and not action.choices]
    assert {part for word in words for part in (word or 'none').split('|')} - WORDS <= {'auto'}


@pytest.mark.parametrize('node', NODES)
def test_help_of_a_node_has_every_parameter_with_its_default(node):
    text = node_help(node, f'{node}: what it does')
    for settings in NODE_SETTINGS[node]:
        for each in declarations(settings):
            assert re.search(rf'^  {each.name}: .*\n {{6}}\S', text, re.MULTILINE), each.name


@pytest.mark.slow
@pytest.mark.parametrize('node', NODES)
def test_help_of_a_node_only_helps(node, domain_id, tmp_path):
    process = run_to_its_end(node, ['--help', '--ros-args', '-r', '__ns:=/x'], tmp_path)
    assert process.poll() == 0
    assert process.log_text().startswith(f'usage: {node} ')
    assert f'\n{node}: ' in process.log_text()


@pytest.mark.slow
@pytest.mark.unhurried
@pytest.mark.parametrize('node', NODES)
def test_an_argument_that_no_node_has_is_refused(node, domain_id, tmp_path):
    process = run_to_its_end(node, ['--bundle', 'x'], tmp_path)
    assert process.poll() == 2
    assert process.log_text() == (
        'error: --bundle: parameters are given as --ros-args -p NAME:=VALUE; --help lists them\n'
    )


def run_to_its_end(node, arguments, folder):
    pytest.importorskip('rclpy', reason='no ROS 2 in this environment')
    pytest.importorskip('grasp_decoder.msg', reason='the messages are not built: ./run builds them')
    process = NodeProcess(node, arguments, folder / 'log')
    assert process.wait(120) is not None
    return process
