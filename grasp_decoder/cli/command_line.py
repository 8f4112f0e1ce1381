# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What command lines share: errors on one line, exit statuses, and the options of whatever reads a recording."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.recording.mapping import Mapping, default_mapping, load_mapping, with_trials
from grasp_decoder.recording.writing import check_session_writable

TRAINING_MODULES = ('tensorflow', 'keras', 'keras_tuner')
HOW_TO_INSTALL_TRAINING = (
    'in a checkout ./run train installs it first, elsewhere pip install -r requirements/train.in (docs/dependencies.md)'
)


def exit_status(command, argv=None) -> int:
    """Run ``command(argv)`` and give its exit status.

    ``command`` returns None or 0 for success, 1 for a negative result (a check that failed).
    Bad input (`GraspDecoderError`) and what the system refuses, such as a file in a place that cannot be written to, is
    one line on stderr and 2; Ctrl-C is 130.
    """
    try:
        # The executable has blocked them while it imported its modules.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        return command(argv) or 0
    except GraspDecoderError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in TRAINING_MODULES:
            raise
        print(f'error: training needs {error.name}, which is not installed: {HOW_TO_INSTALL_TRAINING}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        print(f'error: {error.filename}: {error.strerror}' if error.filename else f'error: {error}', file=sys.stderr)
        return 2


def add_recording_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--map``, ``--trial-table`` and ``--objects``, which say how a recording is to be understood."""
    add_mapping_arguments(parser)
    parser.add_argument(
        '--objects', metavar='FILE', help='catalogue of its objects, see docs/sources.md (default: those of the paper)'
    )


def add_mapping_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--map`` and ``--trial-table``, of which `given_mapping` makes the mapping."""
    add_map_argument(parser)
    parser.add_argument(
        '--trial-table',
        type=Path,
        metavar='FILE',
        help='CSV file with the trials of one long recording, see docs/sources.md (default: each segment is a trial)',
    )
    # Who means the table is told so: elsewhere --trials is a number.
    parser.add_argument('--trials', type=_refused_table, help=argparse.SUPPRESS)


def _refused_table(text: str) -> None:
    raise GraspDecoderError(f'--trials {text}: a table of trials is given as --trial-table {text}')


def add_map_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--map``."""
    parser.add_argument(
        '--map',
        type=Path,
        metavar='FILE',
        help='YAML file that names the events and annotations of the recording (default: the names of the paper)',
    )


def given_mapping(arguments: argparse.Namespace) -> Mapping:
    """How to read the recordings that a command line names."""
    mapping = load_mapping(arguments.map) if arguments.map else default_mapping()
    return with_trials(mapping, arguments.trial_table) if arguments.trial_table else mapping


def check_copy(session: Path, out: Path) -> None:
    """Refuse to write a copy of a recording that could not be written, or would replace it.

    Raises:
        GraspDecoderError: the message says why.
    """
    check_session_writable(out)
    if out.exists() and out.samefile(session):
        raise GraspDecoderError(f'{out} is the recording itself: give another file to write to')


def add_signing_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--sign-with``, of what writes a bundle."""
    parser.add_argument(
        '--sign-with',
        type=Path,
        metavar='FILE',
        help='secret key to sign the bundle with; bundle keygen makes one (default: the bundle is not signed)',
    )


def add_tampering_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--accept-suspicious``, of what learns from a recording."""
    parser.add_argument(
        '--accept-suspicious',
        action='store_true',
        help='learn from a session even if its labels or spikes look tampered with, see docs/security.md (default: it '
        'is refused)',
    )
