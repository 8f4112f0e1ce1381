# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the page says, as HTML: each function makes one part of it from a `SeenRun`."""

from __future__ import annotations

import math
from html import escape

from grasp_decoder.control.outcome import TrialOutcome
from grasp_decoder.objects import ObjectCatalogue
from grasp_decoder.page.seen_run import SeenRun
from grasp_decoder.types.decoded_grasp import VALIDITY_LIMIT
from grasp_decoder.types.hand_command import HandMode

STYLE = """<style class="gd-style">
/* The button after this is the e-stop: large, and in reach however far the panel is scrolled. */
.mantine-ScrollArea-content:has(style.gd-style) {max-width: 100%; min-width: 0 !important; padding-right: 12px}
.mantine-ScrollArea-content div:has(style.gd-style) {overflow: clip !important; min-width: 0 !important}
div:has(> style.gd-style) + div {position: sticky; top: 0; z-index: 9; background: white; padding: 6px 0}
div:has(> style.gd-style) + div button {height: 64px; font-size: 28px; letter-spacing: .08em}
div:has(> style.gd-style) + div button * {font-weight: 800}
.gd {font: 14px/1.4 system-ui, sans-serif; margin: 0 12px 10px; color: #1c2733; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere}
.gd table {width: 100%; border-collapse: collapse}
.gd td {padding: 1px 0; vertical-align: middle}
.gd .n {text-align: right; width: 3.2em}
.gd .l {width: 8em; white-space: nowrap; overflow: hidden}
.gd .bar {background: #e6ebf0; border-radius: 3px; height: 12px; overflow: hidden}
.gd .bar div {background: #2f7fb8; height: 100%}
.gd .grey {color: #6b7885}
.gd .bad {color: #c0262b; font-weight: 600}
.gd .state {border-radius: 8px; color: white; padding: 8px 14px}
.gd .state b {font-size: 34px; line-height: 1.15; display: block}
.gd .trials td {white-space: nowrap; padding-right: 8px}
.gd .dot {display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 6px}
.gd .big {font-size: 20px; font-weight: 600}
</style>"""

STATE_COLOURS = {
    HandMode.SAFE: '#c0262b',
    HandMode.OPEN: '#54707f',
    HandMode.PRESHAPE: '#b97a00',
    HandMode.CLOSE: '#1f6fb5',
    HandMode.HOLD: '#1d8a4b',
}
_UNKNOWN_COLOUR = '#7d8790'
_GOOD, _BAD = '#1d8a4b', '#c0262b'
_MOST_OBJECTS = 6
_SHOWN_OUTCOMES = 8


def state(run: SeenRun) -> str:
    """The state of the hand in one large word, why, and what is not as it should be."""
    command = run.command
    if command is None:
        return _state('NO HAND', 'hand_bridge has said nothing yet', _UNKNOWN_COLOUR)
    if not run.hears('hand_bridge'):
        silent_s = run.silent_s('hand_bridge')
        reason = f'hand_bridge has said nothing for {silent_s:.0f} s: a hand with a time-out has opened by itself'
        return _state('SILENT', reason, _UNKNOWN_COLOUR)
    about = f'grip {command.grip}, aperture {command.aperture:.2f}' if command.grip else ''
    if run.hand is not None and run.hears('hand'):
        lift_cm = 100 * run.hand.lift
        about += f', lifted {lift_cm:.1f} cm' if lift_cm > 0.5 else ', touched' if run.hand.contact else ''
    return _state(command.state.name, command.reason, STATE_COLOURS[command.state], about)


def belief(run: SeenRun) -> str:
    """Probability of grasping, posterior of grips and objects, and whether the input is what was learnt."""
    seen = run.belief
    decode = seen.decode
    if decode is None:
        return _part('<span class="grey">no decode yet</span>')
    late = '' if run.hears('decoder') else f'<div class="bad">no decode for {run.silent_s("decoder"):.0f} s</div>'
    rows = [_bar('GRASP', decode.phase_probability)]
    rows += [_bar(grip, probability) for grip, probability in seen.grips().items()]
    if decode.novelty > 0:
        rows.append(_bar('unknown object', decode.novelty))
    objects = list(seen.objects().items())[:_MOST_OBJECTS]
    told = ' · '.join(f'{escape(label)} {probability:.2f}' for label, probability in objects)
    invalid = ''
    if decode.validity < VALIDITY_LIMIT:
        invalid = f'<div class="bad">not the input that was learnt: {escape(decode.invalid_reason)}</div>'
    return _part(f'{late}{invalid}<table>{"".join(rows)}</table><div class="grey">{told}</div>')


def health(run: SeenRun) -> str:
    """Latency, losses, the bundle that decodes, and every status that is not as it should be."""
    latency, decode, info = run.latency(), run.belief.decode, run.belief.info
    shown = '–' if latency is None else f'{latency.p50:.1f} / {latency.p99:.1f} / {latency.highest:.1f} ms'
    lost = decode.lost_batches if decode is not None else 0
    rows = [
        ('latency, p50 p99 max', shown, ''),
        ('lost batches', str(lost), 'bad' if lost else ''),
        ('bundle', escape(f'{info.bundle_id} ({info.backend})') if info else 'no decoder yet', '' if info else 'bad'),
        ('spikes', _spikes(run), '' if run.hears('spikes') else 'bad'),
    ]
    table = ''.join(f'<tr><td class="grey">{name}</td><td class="{kind}">{said}</td></tr>' for name, said, kind in rows)
    troubles = [
        f'<div class="{"bad" if each.level == "error" else ""}">{_dot(_BAD if each.level == "error" else "#b97a00")}'
        f'{escape(name)}: {escape(each.message)}</div>'
        for name, each in sorted(run.statuses().items())
        if each.level != 'ok'
    ]
    return _part(f'<table>{table}</table>{"".join(troubles)}')


def units(run: SeenRun) -> str:
    """How many units there are, how much they fire, and which the decoder does without."""
    told = f'{len(run.rates.hz)} units, {run.rates.total_hz:.0f} spikes/s'
    for kind, listed in run.left_out_units().items():
        if listed:
            told += f' · <span class="bad">{len(listed)} {kind}: {" ".join(map(str, listed))}</span>'
    return _part(told)


def outcomes(run: SeenRun, objects: ObjectCatalogue) -> str:
    """How many trials were good, and how the latest ones ended."""
    found = run.outcomes
    if not found.scored:
        return _part('<span class="grey">no trial is over yet</span>')
    latest = list(found.outcomes)[-_SHOWN_OUTCOMES:][::-1]
    rows = ''.join(_outcome(each, objects.find(each.object_id).label) for each in latest)
    return _part(f'<div class="big">{found.good} of {found.scored} good</div><table class="trials">{rows}</table>')


def answer(said: str, good: bool) -> str:
    """What came of the latest thing that the operator asked for."""
    return _part(f'<span class="{"" if good else "bad"}">{escape(said)}</span>' if said else '')


def recording(name: str) -> str:
    """What is seen is no hand that moves now."""
    return _part(f'<div class="big">Recording</div>{escape(name)}')


def _spikes(run: SeenRun) -> str:
    if not run.hears('spikes'):
        silent_s = run.silent_s('spikes')
        return 'none yet' if math.isinf(silent_s) else f'none for {silent_s:.0f} s'
    return 'the time of the source stands still' if run.paused else 'arrive'


def _outcome(outcome: TrialOutcome, label: str) -> str:
    if outcome.success is None:
        end = 'closed in time' if outcome.closed else 'not closed in time'
    else:
        end = f'held {outcome.kept_s:.1f} s' if outcome.success else outcome.failure
    grip, kind = outcome.grip or 'no grip', ''
    if outcome.grip and not outcome.right_grip:
        grip, kind = f'{outcome.grip}, wrong', 'bad'
    return (
        f'<tr><td>{_dot(_GOOD if outcome.good else _BAD)}{outcome.trial}</td><td>{escape(label)}</td>'
        f'<td class="{kind}">{escape(grip)}</td><td>{escape(end)}</td></tr>'
    )


def _state(word: str, reason: str, colour: str, about: str = '') -> str:
    return _part(
        f'<div class="state" style="background:{colour}"><b>{word}</b>{escape(reason)}'
        f'<div style="opacity:.85">{escape(about)}</div></div>'
    )


def _bar(label: str, probability: float) -> str:
    known = 0.0 if math.isnan(probability) else min(max(probability, 0.0), 1.0)
    return (
        f'<tr><td class="l">{escape(label)}</td><td><div class="bar"><div style="width:{100 * known:.0f}%"></div></div>'
        f'</td><td class="n">{probability:.2f}</td></tr>'
    )


def _dot(colour: str) -> str:
    return f'<span class="dot" style="background:{colour}"></span>'


def _part(content: str) -> str:
    return f'<div class="gd">{content}</div>'
