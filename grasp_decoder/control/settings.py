"""Settings of the grasp controller: one frozen dataclass, each field with its range, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from grasp_decoder.errors import GraspDecoderError

SAFE_STATES = ('open', 'hold')


def _number(default, low, high, description):
    return field(default=default, metadata={'low': low, 'high': high, 'description': description})


@dataclass(frozen=True)
class ControlSettings:
    """What decides when the hand moves, how fast, and when it may not.

    Durations are seconds of the acquisition clock; those of the watchdog (``decode_timeout_s``, ``pause_timeout_s``,
    ``max_latency_s``) are seconds of CLOCK_MONOTONIC. Raises GraspDecoderError for a value outside its range.
    """

    safe_state: str = field(
        default='open',
        metadata={'choices': SAFE_STATES, 'description': 'what SAFE does: open the hand, or hold it where it is'},
    )
    proportional: bool = field(
        default=False,
        metadata={'description': 'the aperture follows the decoded aperture (regression) instead of the phase'},
    )

    object_memory_s: float = _number(0.2, 0.01, 60.0, 'time constant of forgetting evidence about the object, s')
    object_gain: float = _number(0.4, 0.001, 1.0, 'weight of one bin of object evidence; 1: bins are independent')
    phase_memory_s: float = _number(0.05, 0.001, 10.0, 'time constant of forgetting evidence about the phase, s')
    phase_gain: float = _number(0.5, 0.001, 1.0, 'weight of one bin of phase evidence; 1: bins are independent')

    close_threshold: float = _number(0.7, 0.0, 1.0, 'probability of GRASP (proportional: aperture) that closes it')
    release_threshold: float = _number(0.3, 0.0, 1.0, 'probability of GRASP (proportional: aperture) that releases it')
    preshape_confidence: float = _number(0.9, 0.0, 1.0, 'probability of a grip that preshapes the hand for it')
    preshape_release: float = _number(0.5, 0.0, 1.0, 'probability of the grip below which the hand opens again')
    close_confidence: float = _number(0.3, 0.0, 1.0, 'least probability of a grip for the hand to close on it')

    open_dwell_s: float = _number(0.3, 0.0, 10.0, 'least time in OPEN')
    preshape_dwell_s: float = _number(0.2, 0.0, 10.0, 'least time in PRESHAPE with one grip, unless the hand closes')
    abort_dwell_s: float = _number(0.1, 0.0, 10.0, 'time below release_threshold after which CLOSE is aborted')
    hold_dwell_s: float = _number(1.2, 0.0, 60.0, 'least time in HOLD')
    release_dwell_s: float = _number(0.0, 0.0, 10.0, 'time below release_threshold after which HOLD releases')

    max_aperture_velocity: float = _number(10.0, 0.01, 100.0, 'fastest change of the aperture, 1/s')
    max_aperture_acceleration: float = _number(250.0, 0.01, 10000.0, 'fastest speeding up of the aperture, 1/s^2')
    aperture_dead_band: float = _number(0.05, 0.0, 0.5, 'proportional: changes of the aperture that are ignored')

    decode_timeout_s: float = _number(0.15, 0.001, 10.0, 'silence after which the hand is SAFE; at least two bins')
    pause_timeout_s: float = _number(0.75, 0.001, 60.0, 'standstill of a live source after which the hand is SAFE')
    max_latency_s: float = _number(0.3, 0.001, 10.0, 'age of a decode, from due_ns, above which the hand is SAFE')
    confidence_floor: float = _number(0.01, 0.0, 1.0, 'decoded confidence at or below which the hand is SAFE')
    recovery_s: float = _number(0.2, 0.0, 60.0, 'time of healthy decodes at rest after which SAFE is left')

    def __post_init__(self):
        for spec in fields(self):
            value, rules = getattr(self, spec.name), spec.metadata
            if 'choices' in rules and value not in rules['choices']:
                raise GraspDecoderError(f'{spec.name} is {value!r}: choose one of {", ".join(rules["choices"])}')
            if 'low' in rules and not rules['low'] <= value <= rules['high']:
                raise GraspDecoderError(f'{spec.name} is {value}: it must lie in {rules["low"]}..{rules["high"]}')
        for low, high in (('release_threshold', 'close_threshold'), ('preshape_release', 'preshape_confidence')):
            if getattr(self, low) > getattr(self, high):
                raise GraspDecoderError(
                    f'{low} is {getattr(self, low)}: it must not exceed {high}, {getattr(self, high)}'
                )
