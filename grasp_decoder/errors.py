"""The one exception that a person is meant to read."""


class GraspDecoderError(Exception):
    """Bad input or an impossible request.

    The message is one line that says what was wrong, in which file or topic, and what to do.
    Command lines print it without a traceback and exit with status 2.
    """

    def __init__(self, message: str):
        # Names in files of others may hold line ends, or what moves the cursor of a terminal.
        line = ' '.join(message.split())
        super().__init__(''.join(each if each.isprintable() else '?' for each in line))
