# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The one exception that a person is meant to read, and what stays short in it."""

from collections.abc import Collection


class GraspDecoderError(Exception):
    """Bad input or an impossible request.

    The message is one line that says what was wrong, in which file or topic, and what to do.
    Command lines print it without a traceback and exit with status 2.
    """

    def __init__(self, message: str):
        # Names in files of others may hold line ends, or what moves the cursor of a terminal.
        line = ' '.join(message.split())
        super().__init__(''.join(each if each.isprintable() else '?' for each in line))


def first_of(words: Collection[object], most: int = 5, between: str = ', ') -> str:
    """The first few of many, for a message: ``a, b, c and 7 more``."""
    shown = between.join(str(word) for word, _ in zip(words, range(most)))
    return f'{shown} and {len(words) - most} more' if len(words) > most else shown


def first_line(error: Exception) -> str:
    """What a foreign error says, in at most 120 characters; else what it is called."""
    return (str(error).splitlines() or [''])[0][:120] or type(error).__name__
