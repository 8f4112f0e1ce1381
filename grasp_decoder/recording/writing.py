"""Writing a session as a .neo.mat file, by Neo's NeoMatlabIO and in the default schema (neo_mat_mapping.yaml)."""

from __future__ import annotations

import os
from pathlib import Path
import tempfile

import numpy as np

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.session import NS_PER_S, Session, Trial, Unit


def check_writable(path) -> None:
    """Refuse a path that `write_session` could not write, before any work is done for it."""
    path = Path(path)
    if path.suffix != '.mat':
        raise GraspDecoderError(f'{path}: a session is written as .mat; give a name that ends so')
    if path.is_dir():
        raise GraspDecoderError(f'{path}: cannot be written: it is a folder')
    if not path.parent.is_dir():
        raise GraspDecoderError(f'{path}: cannot be written: no folder {path.parent}')
    if not os.access(path.parent, os.W_OK):
        raise GraspDecoderError(f'{path}: cannot be written: no permission in {path.parent}')


def write_session(session: Session, path) -> None:
    """Write ``session``; the file appears whole or not at all. Physical units of signals are not known any more."""
    import neo
    import quantities

    check_writable(path)
    block = neo.Block(name=session.name)
    block.segments.extend([_segment(neo, quantities, trial, session.units) for trial in session.trials])
    try:
        with tempfile.TemporaryDirectory(dir=Path(path).parent, prefix='.new_') as scratch:
            whole = Path(scratch, 'session.mat')
            neo.io.NeoMatlabIO(str(whole)).write_block(block, do_compression=True)
            whole.replace(path)
    except OSError as error:
        raise GraspDecoderError(f'{path}: cannot be written: {error.strerror}') from None


def _segment(neo, pq, trial: Trial, units: tuple[Unit, ...]):
    annotations = {'obj': trial.object_id}
    if trial.correct is not None:
        annotations['correct'] = int(trial.correct)
    segment = neo.Segment(**annotations)
    labels = np.array([label.ljust(8) for label in trial.events])
    segment.events.append(neo.Event(np.array(list(trial.events.values())) / NS_PER_S * pq.s, labels=labels))
    start, stop = trial.start_ns / NS_PER_S, trial.stop_ns / NS_PER_S
    order = np.argsort(trial.units, kind='stable')
    seconds = trial.times_ns[order] / NS_PER_S
    ends = np.searchsorted(trial.units[order], np.arange(len(units)), side='right')
    for unit, times in zip(units, np.split(seconds, ends[:-1])):
        described = {'electrode': unit.electrode, 'u': unit.sort_code, 'area': unit.area}
        described = {name: value for name, value in described.items() if value is not None}
        segment.spiketrains.append(neo.SpikeTrain(times, units='s', t_start=start, t_stop=stop, **described))
    for name, (times, values) in trial.signals.items():
        segment.irregularlysampledsignals.append(neo.IrregularlySampledSignal(
            times / NS_PER_S, values, units='dimensionless', time_units='s', name=name))
    return segment
