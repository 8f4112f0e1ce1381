# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Drift within a session: trained on its first part, does a decoder decode its end as well as what comes next?

The rest of the session is decoded in its order, as one stream, with the drift of the latents taken back and without.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmark.days import decode_live
from benchmark.object_bundle import object_bundle
from benchmark.pieces import Piece, Pieces
from benchmark.results import markdown_table, parsed_with_json, write_results, write_section
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.cli.command_line import add_map_argument, exit_status
from grasp_decoder.decoding.checked_decoder import CheckedDecoder
from grasp_decoder.features.splits import FIRST_RANDOM_STATE, split_in_order
from grasp_decoder.features.trial_bins import bin_trials
from grasp_decoder.features.windows import choose_look_back
from grasp_decoder.learning.evaluation.object_decodes import ObjectDecodes, hold_windows
from grasp_decoder.learning.evaluation.object_metrics import object_summary
from grasp_decoder.learning.models.fitting import fit
from grasp_decoder.learning.report.tables import percent
from grasp_decoder.recording.reading import read_session
from grasp_decoder.safe_file import write_json

DOCUMENTED = ('MSyn40', 'MVar50')
FIRST_PART = 0.4
QUARTERS = ('first', 'second', 'third', 'last')
WAYS = {'plain': 'drift left as it is', 'tracked': 'drift taken back'}


def main(argv=None) -> int:
    return exit_status(_drift, argv)


def _drift(argv) -> int:
    parser = argparse.ArgumentParser(prog='drift', description=__doc__.split('\n')[0])
    parser.add_argument('--session', required=True, type=Path, metavar='FILE', help='recording of grasps')
    add_map_argument(parser)
    arguments = parsed_with_json(parser, argv)
    name = arguments.session.name.split('.')[0]
    pieces = Pieces('drift', used=('days', 'object_bundle'))
    drift, decodes = pieces.get(name, partial(_decode, arguments.session, arguments.map))
    result = {
        'session': name,
        'date': time.strftime('%Y-%m-%d'),
        'trained_on': FIRST_PART,
        **drift,
        **{way: {quarter: _score(decodes[f'{way}_{quarter}']) for quarter in QUARTERS} for way in WAYS},
    }
    lines = _lines(result)
    print('\n'.join(lines))
    if arguments.json:
        write_json(arguments.json, result)
    write_results('drift', result, _figure(result))
    if name in DOCUMENTED:
        write_section('across_days.md', f'drift of {name}', lines)
    return 0


def _decode(path: Path, mapping: Path | None) -> Piece:
    """Decodes of each quarter of the rest of a session, with and without tracking; and how far it drifted."""
    session = read_session(path, mapping)
    trials = sorted(bin_trials(session), key=lambda trial: trial.start_ns)
    split, look_back = split_in_order(trials, FIRST_PART), choose_look_back(trials)
    network = fit(OBJECT, split.train, split.validation, split.classes, look_back=look_back, seed=FIRST_RANDOM_STATE)
    drift, found = 0.0, {}
    with tempfile.TemporaryDirectory() as folder:
        engines = BundleEngines(object_bundle(folder, network, session, split, look_back), EngineOptions(backend='cpu'))
        for way in WAYS:
            decoder = CheckedDecoder(engines, track_drift=way == 'tracked')
            decoded = decode_live(decoder, split.test)
            drift = decoder.drift or drift
            for quarter, part in zip(QUARTERS, np.array_split(np.arange(len(decoded)), len(QUARTERS))):
                found[f'{way}_{quarter}'] = hold_windows([decoded[i] for i in part], split.classes, look_back)
    return {'drift': drift}, found


def _score(decodes: ObjectDecodes) -> dict:
    summary = object_summary([decodes])
    return {name: summary[name] for name in ('accuracy', 'ci95', 'n_trials')}


def _lines(result: dict) -> list[str]:
    def cells(scores: dict[str, dict]) -> Sequence[str]:
        return [percent(each['accuracy'], each['ci95']) for each in scores.values()]

    return [
        f'Written by `./run bench drift` on {result["date"]}: trained on the first {result["trained_on"]:.0%}, hold '
        'windows of each quarter of the other trials, with 95 % intervals over trials.',
        '',
        *markdown_table(
            (result['session'], *(f'{quarter} quarter' for quarter in QUARTERS)),
            [(meaning, *cells(result[way])) for way, meaning in WAYS.items()],
        ),
    ]


def _figure(result: dict):
    figure, axes = plt.subplots(figsize=(5, 3))
    for way, meaning in WAYS.items():
        scores = result[way].values()
        axes.plot(QUARTERS, [100 * each['accuracy'] for each in scores], 'o-', label=meaning)
    axes.set(ylabel='% of hold windows correct', ylim=(0, 100), xlabel='quarter of the test trials')
    axes.legend()
    return figure


if __name__ == '__main__':
    raise SystemExit(main())
