"""The one exception that a person is meant to read."""


class GraspDecoderError(Exception):
    """Bad input or an impossible request.

    The message is one line that says what was wrong, in which file or topic, and what to do.
    Command lines print it without a traceback and exit with status 2.
    """
