# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""What the page sends to a browser."""

import pytest

from grasp_decoder.objects import load_objects

pytest.importorskip('viser', reason='viser, which serves the page, is not installed')

import viser
import zstandard
from websockets.sync.client import connect

from grasp_decoder.page.page import Controls, Page
from grasp_decoder.page.server import PageServer

LABELS = (b'E-STOP', b'Reset the e-stop', b'resume', b'Decode with it')


def sent(page_controls):
    """All that a browser gets when it opens a page with these controls."""
    server = PageServer('127.0.0.1', 8320, 'test')
    try:
        Page(server, load_objects(), page_controls)
        found = b''
        with connect(server.url.replace('http', 'ws'), subprotocols=[f'viser-v{viser.__version__}']) as socket:
            while b'Health' not in found or b'ReplayDone' not in found:
                message = socket.recv(10)
                length = int.from_bytes(message[8:16], 'little')
                found += zstandard.ZstdDecompressor().decompress(message[16 : 16 + length])
        return found
    finally:
        server.stop()


def test_a_page_that_is_read_only_has_no_controls():
    controls = Controls(*[lambda *_: None] * 5)
    controlled, read_only = sent(controls), sent(None)
    assert [label in controlled for label in LABELS] == [True] * len(LABELS)
    assert [label in read_only for label in LABELS] == [False] * len(LABELS)


def test_the_page_has_every_link_of_the_hand():
    found = sent(None)
    for name in (b'/hand/palm', b'/hand/index_distal', b'/hand/thumb_distal'):
        assert name in found
