# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""inspect: print what a recording holds and whether it can be used."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from grasp_decoder.cli.command_line import add_recording_arguments, exit_status, given_mapping
from grasp_decoder.errors import first_of
from grasp_decoder.features.trial_bins import why_none_is_usable
from grasp_decoder.objects import ObjectCatalogue, load_objects
from grasp_decoder.recording.oddities import oddities
from grasp_decoder.recording.reading import read_session
from grasp_decoder.recording.session import Session, Unit
from grasp_decoder.recording.summary import SessionSummary, summarize
from grasp_decoder.recording.writing import check_writable
from grasp_decoder.safe_file import written_whole
from grasp_decoder.sources.unit_map import unit_map_text

_SILENT_SHOWN = 20
_OBJECTS_PER_LINE = 8
_UNITS_SHOWN = 8


def main(argv=None) -> int:
    return exit_status(inspect, argv)


def inspect(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('session', metavar='FILE', help='a recording: .neo.mat or anything else that Neo reads')
    add_recording_arguments(parser)
    parser.add_argument(
        '--plot', metavar='FILE', type=Path, help='also draw it, as .png, .pdf or .svg (default: no picture)'
    )
    parser.add_argument(
        '--units', metavar='FILE', type=Path, help='also write the unit map of a live source, as .csv (default: no map)'
    )
    parser.add_argument(
        '--against',
        metavar='DIR',
        help='also look for labels and spikes that were tampered with, and compare the rates with those that a '
        'bundle has learnt from; exit status 1 if something is suspicious (default: it is not looked for)',
    )
    arguments = parser.parse_args(argv)
    objects = load_objects(arguments.objects)
    session = read_session(arguments.session, given_mapping(arguments), objects)
    summary = summarize(session)
    print(summary_text(session, summary, objects))
    if arguments.plot:
        from grasp_decoder.recording.session_figure import draw_session  # matplotlib takes a second to load

        draw_session(session, summary, arguments.plot)
        print(f'picture: {arguments.plot}')
    if arguments.units:
        text = unit_map_text(session.units)
        check_writable(arguments.units)
        with written_whole(arguments.units) as file:
            file.write(text.encode())
        print(f'unit map: {arguments.units}')
    return _look_for_tampering(session, arguments.against) if arguments.against else 0


def _look_for_tampering(session: Session, path: str) -> int:
    """Print what is odd about a session, some of it in comparison with what a bundle has learnt from.

    Returns:
        1 if something is suspicious.
    """
    # scikit-learn takes a second to load.
    from grasp_decoder.bundle.bundle import load_bundle
    from grasp_decoder.features.tampering import changed_electrodes, signs_of_tampering
    from grasp_decoder.features.trial_bins import bin_trials

    bundle = load_bundle(path)
    manifest = bundle.manifest
    rates_hz = bundle.input_statistics.rate / manifest.bin_s
    signs = [
        *signs_of_tampering(session, bin_trials(session, manifest.bin_ns, manifest.merge)),
        *changed_electrodes(session, manifest.units, rates_hz),
    ]
    for sign in signs:
        print(f'{"suspicious" if sign.suspicious else "odd"}: {sign.text}')
    print(f'compared with what {bundle.id} has learnt from' if signs else 'labels and spikes: nothing odd was found')
    return int(any(sign.suspicious for sign in signs))


def summary_text(session: Session, summary: SessionSummary, objects: ObjectCatalogue) -> str:
    """What the command prints."""
    rates = summary.rates_hz
    areas = ', '.join(f'{area or "unknown area"} {count}' for area, count in summary.areas.items())
    electrodes = f'; {summary.electrodes} electrodes' if summary.electrodes else ''
    left_out = [
        f'{count} {reason}'
        for count, reason in (
            (summary.wrong, 'not correct'),
            (summary.excluded, 'of excluded objects'),
            (summary.incomplete, 'incomplete'),
        )
        if count
    ]
    lines = [
        f'{session.name}: {session.unit_count} units, {len(session.trials)} trials,'
        f' {summary.trial_s.sum() / 60:.1f} min recorded',
        f'  units   {areas}{electrodes}',
        f'  map     {_unit_map(session.units)}',
        f'  rates   median {np.median(rates):.1f}, mean {rates.mean():.1f},'
        f' 95th percentile {np.percentile(rates, 95):.1f}, highest {rates.max():.1f} Hz',
        f'  silent  {_silent(summary.silent_units)}',
        f'  trials  {summary.usable} usable' + (f'; left out: {", ".join(left_out)}' if left_out else ''),
        f'  length  {np.median(summary.trial_s):.2f} s ({summary.trial_s.min():.2f} to {summary.trial_s.max():.2f})',
    ]
    if summary.signals:
        signals = ', '.join(f'{name} ({channels})' for name, channels in summary.signals.items())
        lines.append(f'  signals (channels)  {signals}')
    lines += [f'  odd     {remark}' for remark in oddities(session)]
    if not session.is_grasping:
        return '\n'.join([*lines, 'there is movement but no grasps: train with --dof and one of these signals'])
    if not summary.usable:
        lines.append(f'not for training: {why_none_is_usable(session)}')
    lines.append(f'objects: {len(summary.objects)}; for each id: usable trials / all trials')
    cells = [
        f'{objects.recorded(object_id):>5}: {usable:>3}/{every:<3}'
        for object_id, (usable, every) in summary.objects.items()
    ]
    lines += [' '.join(cells[at : at + _OBJECTS_PER_LINE]).rstrip() for at in range(0, len(cells), _OBJECTS_PER_LINE)]
    lines.append('phases, s           median    5 %   95 %   trials')
    for (label, following), seconds in summary.phases_s.items():
        low, median, high = np.percentile(seconds, [5, 50, 95])
        lines.append(f'  {label + " - " + following:<16} {median:>7.3f} {low:>6.3f} {high:>6.3f} {len(seconds):>8}')
    return '\n'.join(lines)


def _unit_map(units: Sequence[Unit]) -> str:
    """Electrode and sort code of the first units."""
    if all(unit.electrode is None for unit in units):
        return 'no electrodes: a live source sends the index of the unit'
    shown = ', '.join(
        f'{unit.index}: {unit.electrode}' + ('' if unit.sort_code is None else f'/{unit.sort_code}')
        for unit in units[:_UNITS_SHOWN]
    )
    return f'unit: electrode/sort code  {shown}' + (' ... (--units FILE)' if len(units) > _UNITS_SHOWN else '')


def _silent(units: list[int]) -> str:
    if not units:
        return 'none: every unit fires'
    return f'{len(units)} units never fire: {first_of(units, _SILENT_SHOWN)}'
