"""What all command lines share: errors on one line and exit statuses."""

from __future__ import annotations

import sys

from grasp_decoder.errors import GraspDecoderError


def exit_status(command, argv=None) -> int:
    """Run ``command(argv)`` and give its exit status.

    ``command`` returns None or 0 for success, 1 for a negative result (a check that failed).
    Bad input (`GraspDecoderError`) is one line on stderr and 2; Ctrl-C is 130.
    """
    try:
        return command(argv) or 0
    except GraspDecoderError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
