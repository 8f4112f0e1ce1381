# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""edgetpu: check which operators of a TFLite model an Edge TPU supports."""

from __future__ import annotations

import argparse
from pathlib import Path

from grasp_decoder.bundle.edge_tpu import ON_CHIP_BYTES, ModelCheck, check_model
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError


def main(argv=None) -> int:
    return exit_status(edgetpu, argv)


def edgetpu(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    check = commands.add_parser(
        'check', help='list every operator, and why it stays on the CPU if it does; exit status 1 if any does'
    )
    check.add_argument('models', nargs='+', type=Path, metavar='FILE', help='a .tflite file')
    arguments = parser.parse_args(argv)
    checks = []
    for path in arguments.models:
        checks.append(check_model(_read(path), str(path)))
        print(operator_table(path, checks[-1]))
    return int(any(check.on_cpu for check in checks))


def operator_table(path: Path, check: ModelCheck) -> str:
    """The check as text: one line for each operator, and a summary."""
    width = max((len(operator.name) for operator in check.operators), default=0)
    lines = [f'{path}:']
    lines += [
        f'  {operator.index:3}  {operator.name:{width}}  {operator.shape!s:14}  '
        f'{"CPU: " + operator.problem if operator.problem else "Edge TPU"}'
        for operator in check.operators
    ]
    mapped = len(check.operators) - len(check.on_cpu)
    memory = f'{(check.parameter_bytes + check.activation_bytes) / 1024:.0f} of {ON_CHIP_BYTES // 1024} KiB on the chip'
    if not check.fits_on_chip:
        memory += ': what does not fit is streamed from the host at every step'
    lines.append(f'  {mapped} of {len(check.operators)} operators map to the Edge TPU; about {memory}')
    return '\n'.join(lines)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GraspDecoderError(f'cannot read {path}: {error.strerror}') from error
