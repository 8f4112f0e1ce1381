# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The messages of an MCAP file, one after the other, also of a file that was cut off."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mcap.reader import NonSeekingReader, SeekingReader
from mcap_ros2.decoder import DecoderFactory

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.safe_file import open_plain

_MAGIC = b'\x89MCAP0\r\n'


class RecordedMessage(NamedTuple):
    """One message.

    Attributes:
        topic: absolute, as it was recorded.
        type: such as ``grasp_decoder/msg/SpikeBatch``.
        log_ns: when it was received, ns since 1970.
        content: gives it with the fields of its definition; raises `GraspDecoderError` where it does not follow that.
    """

    topic: str
    type: str
    log_ns: int
    content: Callable[[], Any]


def recorded_messages(path: Path, is_wanted: Callable[[str, str], bool]) -> Iterator[RecordedMessage]:
    """The messages whose topic and type are wanted, in the order in which they were received.

    A file that was cut off gives what is whole in it.

    Raises:
        GraspDecoderError: it is no MCAP file, or a damaged one.
    """
    factory = DecoderFactory()
    whole, found = is_whole(path), False

    def read(topic: str, decode: Callable[[bytes], Any], data: bytes) -> Any:
        try:
            return decode(data)
        except Exception as error:  # a message that is not what its definition says fails in as many ways
            raise GraspDecoderError(f'{path}: a message on {topic} cannot be read ({error})') from None

    try:
        with open_plain(path) as file:
            reader = SeekingReader(file, validate_crcs=True) if whole else NonSeekingReader(file, validate_crcs=True)
            for schema, channel, message in reader.iter_messages(log_time_order=whole):
                found = True
                if schema is not None and is_wanted(channel.topic, schema.name):
                    decode = factory.decoder_for(channel.message_encoding, schema)
                    content = partial(read, channel.topic, decode, message.data)
                    yield RecordedMessage(channel.topic, schema.name, message.log_time, content)
    except GraspDecoderError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as it has bytes
        if whole or not found:
            raise GraspDecoderError(f'{path}: not an MCAP file that can be read ({error})') from None


def is_whole(path: Path) -> bool:
    """Whether a file has the end that `Recorder.close` gives it."""
    with open_plain(path) as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - len(_MAGIC)))
        return file.read() == _MAGIC
