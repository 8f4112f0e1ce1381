# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The command ``grasp-decoder``, also ``python -m grasp_decoder``: it runs a command line of `grasp_decoder.cli`."""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from importlib import resources

import grasp_decoder

# In the order in which they are used.
COMMANDS = (
    'doctor',
    'demo',
    'synthesize',
    'fetch',
    'inspect',
    'convert',
    'deidentify',
    'cache',
    'train',
    'adapt',
    'evaluate',
    'bundle',
    'edgetpu',
    'replay_decode',
    'listen',
    'view',
    'security',
)


def main(argv: list[str] | None = None) -> int:
    """Run a command, which alone is imported; the exit status is the command's own."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog='grasp-decoder',
        usage='%(prog)s COMMAND ...',
        description=grasp_decoder.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'%(prog)s {grasp_decoder.__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND', help='one of these; each takes --help')
    if arguments[:1] in (['-h'], ['--help']):
        parser.epilog = 'commands:\n' + '\n'.join(f'  {name:15}{_summary(name)}' for name in COMMANDS)
    command = parser.parse_args(arguments[:1]).command
    sys.argv[0] = f'grasp-decoder {command}'  # argparse begins usage lines with it
    return importlib.import_module(f'grasp_decoder.cli.{command}').main(arguments[1:])


def _summary(command: str) -> str:
    """The first line of a command's module, read without importing it."""
    source = resources.files('grasp_decoder.cli').joinpath(f'{command}.py').read_text()
    return ast.get_docstring(ast.parse(source)).partition(': ')[2].partition('\n')[0]


if __name__ == '__main__':
    sys.exit(main())
