"""The report of a bundle: metrics.json, the figures as PNG, and one self-contained report.html with all of it."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from matplotlib.figure import Figure

from grasp_decoder.bundle.task_network import DOF, OBJECT, PHASE
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.evaluation.scores import scores
from grasp_decoder.learning.report import figures
from grasp_decoder.learning.report.tables import competitors, grouped, number, percent

DPI = 150
LONGEST_NUMBER = 32


def write_report(folder: Path, evaluation: Evaluation) -> None:
    """Write metrics.json, the figures and report.html of one session into ``folder``."""
    found = scores(evaluation)
    drawn = _figures(evaluation, found)
    _write(
        folder,
        found | {'timing': evaluation.timing},
        drawn,
        _page(f'Decoding {evaluation.name}', _session_body(evaluation, found, drawn)),
    )


def write_joint_report(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write the report over several sessions: the paper's tables 1, 3 and 4 by session, by animal and over all."""
    sessions = [(evaluation.name, scores(evaluation)) for evaluation in evaluations]
    groups = grouped(sessions)
    found = {
        'sessions': dict(sessions),
        'groups': dict(groups),
        'timing': {evaluation.name: evaluation.timing for evaluation in evaluations},
    }
    title = f'Decoding {len(evaluations)} sessions'
    drawn = {f'confusion_{name}': figures.confusion(scored) for name, scored in sessions if OBJECT in scored}
    _write(folder, found, drawn, _page(title, _joint_body(title, evaluations, sessions, groups, drawn)))


def _write(folder: Path, found: dict, drawn: dict[str, Figure], page: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'metrics.json').write_text(json.dumps(found, indent=1) + '\n', encoding='utf-8')
        for name, figure in drawn.items():
            figures.save(figure, folder / f'{name}.png', dpi=DPI, metadata={'Software': None})
        (folder / 'report.html').write_text(page, encoding='utf-8')
    except OSError as error:
        raise GraspDecoderError(f'cannot write the report to {folder}: {error.strerror}') from error


def _figures(evaluation: Evaluation, found: dict) -> dict[str, Figure]:
    drawn = {'example_trial': figures.example_trial(evaluation)}
    if OBJECT in found:
        drawn |= {
            'comparison': figures.comparison(found),
            'confusion': figures.confusion(found),
            'per_object': figures.per_object(found),
            'calibration': figures.calibration(found),
            'decisions': figures.decisions(found),
            'over_time': figures.over_time(found, evaluation.bin_ms),
        }
    if evaluation.movement:
        drawn['movement'] = figures.movement(evaluation)
    if found.get('training_curve'):
        drawn['training_curve'] = figures.training_curve(found)
    return drawn


def _session_body(evaluation: Evaluation, found: dict, drawn: dict[str, Figure]) -> str:
    parts = [
        f'<h1>Decoding {html.escape(evaluation.name)}</h1>',
        f'<p class="soft">{_summary(evaluation)}</p>',
        _tiles(found),
        '<p>Every number is from trials that neither training nor model selection has seen, decoded bin by bin by '
        'the decoder that also runs the hand: it knows the past only. Intervals are 95 %, from resampling whole '
        'trials.'
        + (
            ' “Relaxed” also counts the neighbouring object (the next in ascending id) as correct.'
            if OBJECT in found
            else ''
        )
        + '</p>',
        _image(drawn, 'example_trial', 'One held-out trial: binned spikes and what was decoded from them.'),
    ]
    if OBJECT in found:
        parts.append(_object_section(evaluation, found, drawn))
    if PHASE in found:
        parts.append(_phase_section(found['phase'], found['int8']))
    if DOF in found:
        parts.append(_dof_section(evaluation, found, drawn))
    if evaluation.edge_tpu:
        parts.append(_edge_tpu_section(evaluation.edge_tpu))
    parts.append(_cost_section(evaluation))
    return '\n'.join(parts)


def _summary(evaluation: Evaluation) -> str:
    facts = evaluation.facts
    train, validation, test = facts.split_sizes
    return (
        f'{facts.units} units · {facts.usable_trials} usable trials of {facts.trials} · '
        + (f'{len(evaluation.classes)} objects · ' if evaluation.classes else '')
        + f'bins of {facts.bin_ms:g} ms · look-back {evaluation.look_back} bins · '
        f'{train} training, {validation} validation and {test} test trials · random states '
        f'{", ".join(map(str, facts.random_states))}'
        + (f' · training went on from {html.escape(facts.started_from)}' if facts.started_from else '')
        + (
            f' · training ended early, by --max-seconds or Ctrl-C: {"; ".join(facts.ended_early)}'
            if facts.ended_early
            else ''
        )
        + (' · the bundle was then fitted once more on all trials' if facts.final else '')
    )


def _tiles(found: dict) -> str:
    tiles = []
    if OBJECT in found:
        row = found['object']
        tiles += [
            ('object, hold windows', percent(row['accuracy']), percent_range(row['ci95'])),
            ('relaxed', percent(row['relaxed_accuracy']), percent_range(row['relaxed_ci95'])),
            ('per trial, end of hold', percent(row['trial_accuracy']), percent_range(row['trial_ci95'])),
        ]
    if PHASE in found:
        row = found['phase']
        tiles += [('grasp phase', percent(row['accuracy']), f'F1 {number(row["f1"], 3)}')]
    if DOF in found:
        tiles += [
            (
                'degree of freedom',
                f'R2 {number(found["dof"]["r2"], 3)}',
                f'int8 {number(found["int8"]["dof"]["r2"], 3)}',
            )
        ]
    if 'agreement' in found['int8']:
        tiles += [('int8 decodes like float', percent(found['int8']['agreement']), 'of the windows')]
    return (
        '<div class="tiles">'
        + ''.join(
            f'<div class="tile"><span>{name}</span><b>{value}</b><span>{note}</span></div>'
            for name, value, note in tiles
        )
        + '</div>'
    )


def percent_range(interval: Sequence[float]) -> str:
    """An interval as '81.0 to 87.2 %'."""
    return f'{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %'


def _object_section(evaluation: Evaluation, found: dict, drawn: dict[str, Figure]) -> str:
    row = found['object']
    chance = row['chance']
    rows = [_comparison_row(name, scored) for name, scored in competitors(found)]
    rows.insert(1, ['this decoder as int8', percent(found['int8']['object']['accuracy']), '', '', '', '', ''])
    rows.insert(
        2, ['this decoder, the session as one endless segment', percent(row['endless_accuracy']), '', '', '', '', '']
    )
    rows.append(
        ['chance: guessing evenly', percent(chance['accuracy']), percent(chance['relaxed_accuracy']), '', '', '', '']
    )
    waits = [
        [
            percent(each['confidence']).replace('.0', ''),
            percent(each['decided']),
            percent(each['accuracy']),
            number(each['median_s_after_hold']),
        ]
        for each in row['decision_times']
    ]
    parts = [
        '<h2>Which object is grasped</h2>',
        f'<p>{row["n_windows"]} windows that end in the hold phase, of {row["n_trials"]} test trials; macro F1 '
        f'{number(row["f1"], 3)}. Shape is the tens digit of the object’s id and size the units digit; object 15 is a '
        'shape of its own and not in these columns; their product is what the earlier online decoder reported '
        '(Fabiani 2021). Leave-one-out over the whole hold phase is Schaffelhofer’s decoder (2015).</p>',
        _table(['', 'accuracy', 'relaxed', 'per trial', 'shape', 'size', 'shape × size'], rows, own=0),
        _image(
            drawn,
            'comparison',
            'The decoder and the baselines on the same trials: exact (dark) and relaxed (light) '
            'accuracy with 95 % intervals; dotted: chance.',
        ),
        _image(
            drawn, 'confusion', 'Confusion matrix, in per cent of each object’s windows (the paper’s figures 5 and 6).'
        ),
        _image(drawn, 'per_object', 'Every object: exact and relaxed, with the interval of the exact accuracy.'),
        '<details><summary>Every object in numbers</summary>'
        + _table(
            ['object', 'trials', 'windows', 'accuracy', 'relaxed'],
            [
                [
                    str(each['object']),
                    str(each['trials']),
                    str(each['windows']),
                    percent(each['accuracy'], each['ci95']),
                    percent(each['relaxed_accuracy']),
                ]
                for each in row['per_object']
            ],
        )
        + '</details>',
        _image(
            drawn, 'over_time', 'From cue to release: the decoder’s answer at every bin, scored against the object.'
        ),
        '<h3>How sure it is, and when to act</h3>',
        '<div class="pair">'
        + _image(drawn, 'calibration', 'Reliability; the area of a dot is its number of windows.')
        + _image(drawn, 'decisions', 'Waiting from Go on until the confidence is reached.')
        + '</div>',
        _table(['decides at', 'decided', 'correct', 'median s from Hold'], waits),
    ]
    if 'training_curve' in found:
        curve = [
            [
                percent(each['train_fraction']),
                ' / '.join(map(str, each['trials'])),
                *(
                    percent(each[name]['accuracy'], each[name]['ci95']) if name in each else '–'
                    for name in ('decoder', 'lda')
                ),
                percent(each['decoder']['relaxed_accuracy']),
            ]
            for each in found['training_curve']
        ]
        parts += [
            '<h3>Less to learn from</h3>',
            _image(drawn, 'training_curve', 'The paper’s table 5 on this session.'),
            _table(['training + validation', 'trials', 'decoder', 'LDA', 'decoder, relaxed'], curve),
        ]
    return '\n'.join(parts)


def _comparison_row(name: str, row: dict) -> list[str]:
    parts = row['shape_and_size']
    return [
        name,
        percent(row['accuracy'], row['ci95']),
        percent(row['relaxed_accuracy'], row['relaxed_ci95']),
        percent(row['trial_accuracy']),
        percent(parts.get('shape_accuracy')),
        percent(parts.get('size_accuracy')),
        percent(parts.get('product')),
    ]


def _phase_section(row: dict, int8: dict) -> str:
    table = _table(
        ['true', 'decoded rest', 'decoded grasp'],
        [
            [name, *(f'{count} ({percent(count / max(1, sum(counts)))})' for count in counts)]
            for name, counts in zip(('rest', 'grasp'), row['confusion'])
        ],
    )
    numbers = _table(
        ['', 'accuracy', 'F1'],
        [
            ['this decoder', percent(row['accuracy'], row['ci95']), number(row['f1'], 3, row['f1_ci95'])],
            ['this decoder as int8', percent(int8['phase']['accuracy']), ''],
            ['always rest', percent(row['chance']['accuracy']), number(row['chance']['f1'], 3)],
        ],
        own=0,
    )
    return (
        '<h2>When it is grasped</h2>'
        '<p>All windows of the test trials; grasp is the hold phase (the paper’s table 3).</p>'
        f'<div class="pair">{table}{numbers}</div>'
        f'<p>Median error of the onset {number(row["onset_error_bins"], 1)} bins, of the offset '
        f'{number(row["offset_error_bins"], 1)} bins; missed grasps {percent(row["missed_grasps"])} of the trials; '
        f'{number(row["false_onsets_per_minute"])} false onsets per minute of rest, debounced over 3 bins.</p>'
    )


def _dof_section(evaluation: Evaluation, found: dict, drawn: dict[str, Figure]) -> str:
    row, movement = found['dof'], evaluation.movement
    rows = [['float', number(row['r2'], 3, row['ci95'])], ['int8', number(found['int8']['dof']['r2'], 3)]]
    what = (
        'The synthetic aperture of the paper’s section 5.3.3: 0 until Go, 1 from Hold to Rew, 0 at End.'
        if movement is None
        else f'The {"rate of change per second of the " if movement.velocity else ""}recorded '
        f'signal “{html.escape(movement.signal)}” at the end of every bin, in the recording’s own unit.'
    )
    if movement is not None:
        rows += [[f'float, channel {channel + 1}', number(r2, 3)] for channel, r2 in enumerate(row['r2_each'])]
    figure = _image(drawn, 'movement', 'Held-out trials one after the other: recorded and decoded.') if movement else ''
    return (
        f'<h2>Degree of freedom</h2><p>{what} R2 over all windows of the test trials, which '
        f'is from their bin {evaluation.look_back} on.</p>' + _table(['', 'R2'], rows) + figure
    )


def _cost_section(evaluation: Evaluation) -> str:
    names = {
        'read_s': 'reading the session, s',
        'bin_s': 'binning, s',
        'train_phase_s': 'training the phase network, s',
        'train_object_s': 'training the object network, s',
        'train_dof_s': 'training the dof network, s',
        'train_seed_bilstm_s': "training the paper's BiLSTM, s",
        'export_s': 'export and parity, s',
        'evaluate_s': 'evaluation, s',
        'peak_rss_mb': 'peak memory, MB',
    }
    rows = [[name, f'{evaluation.timing[key]:.1f}'] for key, name in names.items() if key in evaluation.timing]
    if not rows:
        return ''
    models = ', '.join(f'{task} {model}' for task, model in evaluation.facts.models.items())
    return (
        '<h2>What it costs</h2><p>On the machine that made this report; training is of one split. '
        f'Networks: {html.escape(models)}.</p>' + _table(['', 'this run'], rows)
    )


def _joint_body(title: str, evaluations: Sequence[Evaluation], sessions, groups, drawn: dict[str, Figure]) -> str:
    recorded = [
        [
            evaluation.name,
            str(evaluation.facts.units),
            str(evaluation.facts.trials),
            str(evaluation.facts.usable_trials),
            str(len(evaluation.classes)),
        ]
        for evaluation in evaluations
    ]
    parts = [
        f'<h1>{title}</h1>',
        '<p class="soft">By session, by animal (the first letter of a session’s name) and over all. Scores of '
        'several sessions are means over sessions; intervals are 95 %.</p>',
        '<h2>Sessions (table 1)</h2>',
        _table(['', 'units', 'trials', 'usable', 'objects'], recorded),
    ]
    rows = [*sessions, *groups]
    if all(PHASE in row for _, row in rows):
        parts += [
            '<h2>Grasp phase (table 3)</h2>',
            _table(
                ['', 'accuracy', 'F1', 'onset error, bins'],
                [
                    [
                        name,
                        percent(row['phase']['accuracy'], row['phase'].get('ci95')),
                        number(row['phase']['f1'], 3, row['phase'].get('f1_ci95')),
                        number(row['phase'].get('onset_error_bins'), 1),
                    ]
                    for name, row in rows
                ],
            ),
        ]
    if all(OBJECT in row for _, row in rows):
        parts += ['<h2>Object (table 4)</h2>']
        for key, interval, name in (
            ('accuracy', 'ci95', 'Accuracy'),
            ('relaxed_accuracy', 'relaxed_ci95', 'Relaxed accuracy'),
        ):
            labels = [label for label, _ in competitors(rows[-1][1])]
            parts += [
                f'<h3>{name}</h3>',
                _table(
                    ['', *labels, 'chance'],
                    [
                        [
                            row_name,
                            *(percent(scored.get(key), scored.get(interval)) for _, scored in competitors(row)),
                            percent(row['object']['chance'][key]),
                        ]
                        for row_name, row in rows
                    ],
                ),
            ]
        parts += [
            '<h3>Confusion matrices (figures 5 and 6)</h3><div class="pair">',
            *(
                _image(
                    drawn,
                    f'confusion_{name}',
                    f'{name}: {percent(scored[OBJECT]["accuracy"])} exact, '
                    f'{percent(scored[OBJECT]["relaxed_accuracy"])} relaxed.',
                )
                for name, scored in sessions
            ),
            '</div>',
        ]
    if all(DOF in row for _, row in rows):
        parts += [
            '<h2>Degree of freedom</h2>',
            _table(['', 'R2'], [[name, number(row['dof']['r2'], 3, row['dof'].get('ci95'))] for name, row in rows]),
        ]
    return '\n'.join(parts)


def _edge_tpu_section(found: dict) -> str:
    rows = []
    for task, row in found['tasks'].items():
        operators = ', '.join(f'{count} {name}' for name, count in row['operators'].items())
        parity = row['parity']
        rows.append(
            [
                task,
                operators,
                ', '.join(row['on_cpu']) or 'none',
                f'{row["memory_kib"]} KiB',
                percent(parity['agreement']),
                percent(parity['confident_agreement']),
                f'{number(parity["float_score"], 4)} / {number(parity["int8_score"], 4)}',
            ]
        )
    verdict = 'Ready.' if found['ready'] else 'Not ready: ' + html.escape('; '.join(found['issues'])) + '.'
    return (
        '<h2>Edge TPU</h2><p>' + verdict + ' Operators by the published table of the Edge TPU; int8 and float '
        'compared on every bin of the validation trials, “sure” where float’s best two probabilities differ by '
        'more than .05.</p>'
        + _table(
            ['', 'operators', 'left to the CPU', 'on the chip', 'same class', 'where sure', 'score, float / int8'], rows
        )
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], own: int | None = None) -> str:
    head = ''.join(f'<th>{html.escape(cell)}</th>' for cell in header)
    body = ''.join(
        f'<tr{" class=own" if i == own else ""}>'
        + ''.join(f'<td{" class=text" if len(cell) > LONGEST_NUMBER else ""}>{html.escape(cell)}</td>' for cell in row)
        + '</tr>'
        for i, row in enumerate(rows)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _image(drawn: dict[str, Figure], name: str, caption: str) -> str:
    buffer = io.BytesIO()
    figures.save(drawn[name], buffer, format='svg', metadata={'Date': None})
    width = round(drawn[name].get_figwidth() * 96)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img src="data:image/svg+xml;base64,{data}" width="{width}" alt="{html.escape(caption)}">'
        f'<figcaption>{html.escape(caption)}</figcaption></figure>'
    )


def _page(title: str, body: str) -> str:
    style = (resources.files(__package__) / 'report.css').read_text(encoding='utf-8')
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{html.escape(title)}</title>\n'
        f'<style>\n{style}</style>'
        f'</head>\n<body>\n{body}\n</body></html>\n'
    )
