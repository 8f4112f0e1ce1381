# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""bundle: show what a bundle holds, verify or sign it, compare two of them, or make keys to sign with."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from grasp_decoder.bundle.bundle import Bundle, load_bundle, sign_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.manifest import Manifest, TaskManifest
from grasp_decoder.bundle.signature import make_keys, read_signing_key, read_trusted_keys
from grasp_decoder.cli.command_line import exit_status


def main(argv=None) -> int:
    return exit_status(bundle, argv)


def bundle(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    show = commands.add_parser('show', help='print what it decodes, what it learnt from and how well it does')
    verify = commands.add_parser('verify', help='check every file and run every model once')
    verify.add_argument(
        '--trusted-keys',
        type=Path,
        metavar='FILE',
        help='file of public keys, one of which must have signed it (default: it may be unsigned)',
    )
    sign = commands.add_parser('sign', help='verify it, and say with a secret key that it is yours')
    sign.add_argument('--key', type=Path, required=True, metavar='FILE', help='secret key, see keygen')
    for command in (show, verify, sign):
        command.add_argument('bundle', metavar='DIR', help='folder of the bundle')
    keygen = commands.add_parser('keygen', help='make a secret key FILE, and the public key FILE.pub to give to others')
    keygen.add_argument('file', type=Path, metavar='FILE', help='file for the secret key')
    diff = commands.add_parser('diff', help='print the differences between two bundles; exit status 1 if there are any')
    diff.add_argument('first', metavar='DIR', help='folder of a bundle')
    diff.add_argument('second', metavar='DIR', help='folder of the other bundle')
    arguments = parser.parse_args(argv)
    if arguments.command == 'diff':
        lines = list(differences(load_bundle(arguments.first).manifest, load_bundle(arguments.second).manifest))
        print('\n'.join(lines) or 'no difference')
        return int(bool(lines))
    if arguments.command == 'keygen':
        public, key = make_keys(arguments.file)
        print(f'{arguments.file} is your secret key: it signs, keep it to yourself\n{public} is its public key {key}')
    elif arguments.command == 'sign':
        secret = read_signing_key(arguments.key)
        sign_bundle(load_bundle(arguments.bundle), secret)
        print(f'signed {arguments.bundle} with the key {load_bundle(arguments.bundle).signer}')
    elif arguments.command == 'show':
        print(bundle_text(load_bundle(arguments.bundle)))
    else:
        trusted = read_trusted_keys(arguments.trusted_keys) if arguments.trusted_keys else None
        print(_verify(load_bundle(arguments.bundle, trusted)))
    return 0


def bundle_text(bundle: Bundle) -> str:
    """What `show` prints."""
    manifest = bundle.manifest
    lines = [
        f'{bundle.id}, made {manifest.created} by grasp_decoder {manifest.package_version}',
        f'  sha256    {bundle.sha256}',
        f'  signed    {f"with the key {bundle.signer}" if bundle.signer else "by nobody"}',
        f'  input     {manifest.unit_count} units in bins of {manifest.bin_s * 1e3:g} ms, '
        f'windows of {manifest.look_back} bins',
        f'  classes   {" ".join(manifest.labels)}',
    ]
    for session in manifest.sessions:
        lines.append(
            f'  learnt    from {session.name} ({session.sha256[:8]}): {len(session.train)} trials to train, '
            f'{len(session.validation)} to validate, {len(session.test)} held out'
        )
    if manifest.started_from:
        lines.append(f'  started   from {manifest.started_from}')
    if manifest.final:
        lines.append('  final     refitted on all trials: its metrics are those of the fit before')
    for name, task in manifest.tasks.items():
        lines += _task_lines(name, task)
    lines.append(f'  Edge TPU  {"ready" if manifest.edge_ready else "not ready"}')
    lines += [f'            {issue}' for issue in manifest.edge_issues]
    return '\n'.join(lines)


def _task_lines(name: str, task: TaskManifest) -> Iterator[str]:
    state = f', state of {task.state_size}' if task.state_size else ''
    yield f'  {name:8}  {task.model}, {task.kind} network{state}, temperature {task.temperature:.3g}'
    if task.parity:
        parity = task.parity
        yield (
            f'            int8 against float on {parity.bins} validation bins: same class {parity.agreement:.2%}, '
            f'where sure {parity.confident_agreement:.2%}; '
            f'score {parity.int8_score:.4f} against {parity.float_score:.4f}'
        )


def _verify(bundle: Bundle) -> str:
    silence = np.zeros(bundle.manifest.unit_count, np.uint16)
    lines = [f'{len(bundle.manifest.files) + 1} files match their seal, sha256 {bundle.sha256}']
    lines.append(f'signed with the key {bundle.signer}' if bundle.signer else 'not signed')
    engines = {precision: BundleEngines(bundle, EngineOptions(precision, 'cpu')) for precision in ('float', 'int8')}
    for task, manifest in bundle.manifest.tasks.items():
        for precision, opened in engines.items():
            runner = opened.runner(task)
            for _ in range(manifest.look_back):
                runner.step(silence)
            lines.append(f'{task} {precision}: runs on {opened.backends[task]}')
    return '\n'.join(lines)


def differences(first: Manifest, second: Manifest) -> Iterator[str]:
    """A line per field in which two manifests differ; long values are counted, not printed."""
    yield from _differences(
        '',
        {field.name: getattr(first, field.name) for field in fields(Manifest)},
        {field.name: getattr(second, field.name) for field in fields(Manifest)},
    )


def _differences(where: str, first: Any, second: Any) -> Iterator[str]:
    first, second = (vars(value) if hasattr(value, '__dataclass_fields__') else value for value in (first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(first.keys() | second.keys(), key=str):
            path = f'{where}.{key}' if where else str(key)
            yield from _differences(path, first.get(key), second.get(key))
    elif first != second:
        yield f'{where}: {_short(first)} -> {_short(second)}'


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f'({len(value)} values)' if isinstance(value, tuple) else f'{text[:57]}...'
