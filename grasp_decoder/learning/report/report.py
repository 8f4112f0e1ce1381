# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Writes a report: metrics.json, the figures as PNG, and a report.html that needs no other file."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from grasp_decoder import figure_style
from grasp_decoder.bundle.task_network import OBJECT
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.learning.evaluation.evaluation import Evaluation
from grasp_decoder.learning.evaluation.scores import scores
from grasp_decoder.learning.report import figures
from grasp_decoder.learning.report.groups import grouped
from grasp_decoder.learning.report.joint_page import joint_tables
from grasp_decoder.learning.report.session_page import session_tables, summary, tiles
from grasp_decoder.learning.report.tables import number, percent

DPI = 150
CSS_DPI = 96
LONGEST_NUMBER = 32
"""Characters of a table's cell beyond which it is set as text."""


@dataclass(frozen=True)
class Picture:
    """A figure within a page: its content as a data URL, and its width in CSS pixels."""

    source: str
    width: int


def write_report(folder: Path, evaluation: Evaluation) -> dict:
    """Write metrics.json, the figures and report.html of one session into ``folder``; give its scores."""
    found = scores(evaluation)
    drawn = _figures(evaluation, found)
    page = _page(
        'session.html.j2',
        drawn,
        title=f'Decoding {evaluation.name}',
        evaluation=evaluation,
        scores=found,
        summary=summary(evaluation),
        tiles=tiles(found),
        tables=session_tables(evaluation, found),
        models=[f'{task} {model}' for task, model in evaluation.facts.models.items()],
    )
    _write(folder, found | {'timing': evaluation.timing}, drawn, page)
    return found


def write_joint_report(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    """Write the report over several sessions: the paper's tables 1, 3 and 4 by session, by animal and over all."""
    sessions = [(evaluation.name, scores(evaluation)) for evaluation in evaluations]
    groups = grouped(sessions)
    found = {
        'sessions': dict(sessions),
        'groups': dict(groups),
        'timing': {evaluation.name: evaluation.timing for evaluation in evaluations},
    }
    drawn = {
        f'confusion_{name}': figures.confusion(scored, each.objects)
        for each, (name, scored) in zip(evaluations, sessions)
        if OBJECT in scored
    }
    page = _page(
        'joint.html.j2',
        drawn,
        title=f'Decoding {len(evaluations)} sessions',
        sessions=sessions,
        tables=joint_tables(evaluations, [*sessions, *groups]),
    )
    _write(folder, found, drawn, page)


def _figures(evaluation: Evaluation, found: dict) -> dict[str, Figure]:
    drawn = {'example_trial': figures.example_trial(evaluation)}
    if OBJECT in found:
        drawn |= {
            'comparison': figures.comparison(found),
            'confusion': figures.confusion(found, evaluation.objects),
            'per_object': figures.per_object(found, evaluation.objects),
            'calibration': figures.calibration(found),
            'decisions': figures.decisions(found),
            'over_time': figures.over_time(found, evaluation.bin_ms),
        }
    if OBJECT in found and found[OBJECT]['grip_posterior']:
        drawn['grip_posterior'] = figures.grip_posterior(found)
    if evaluation.movement:
        drawn['movement'] = figures.movement(evaluation)
    if found.get('training_curve'):
        drawn['training_curve'] = figures.training_curve(found)
    return drawn


def _page(template: str, drawn: Mapping[str, Figure], **content) -> str:
    environment = Environment(
        loader=PackageLoader('grasp_decoder.learning.report'),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {'percent': percent, 'number': number, 'LONGEST_NUMBER': LONGEST_NUMBER}
    pictures = {name: _picture(figure) for name, figure in drawn.items()}
    return environment.get_template(template).render(pictures=pictures, **content)


def _picture(figure: Figure) -> Picture:
    buffer = io.BytesIO()
    figure_style.save(figure, buffer, format='svg', metadata={'Date': None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return Picture(f'data:image/svg+xml;base64,{data}', round(figure.get_figwidth() * CSS_DPI))


def _write(folder: Path, found: dict, drawn: Mapping[str, Figure], page: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'metrics.json').write_text(json.dumps(found, indent=1) + '\n', encoding='utf-8')
        for name, figure in drawn.items():
            figure_style.save(figure, folder / f'{name}.png', dpi=DPI, metadata={'Software': None})
        (folder / 'report.html').write_text(page, encoding='utf-8')
    except OSError as error:
        raise GraspDecoderError(f'cannot write the report to {folder}: {error.strerror}') from error
