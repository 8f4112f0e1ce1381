# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Only its own page may talk to the server of the page."""

import http.client
import socket

import pytest

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.page.library import require_viser

PORT = 8300


@pytest.fixture
def server():
    pytest.importorskip('viser', reason='viser, which serves the page, is not installed')
    from grasp_decoder.page.server import PageServer

    server = PageServer('127.0.0.1', PORT, 'test')
    yield server
    server.stop()


def connects(server, **headers):
    """Whether a WebSocket with these headers is taken."""
    import viser
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    protocol = f'viser-v{viser.__version__}'
    try:
        with connect(server.url.replace('http', 'ws'), subprotocols=[protocol], additional_headers=headers) as socket:
            return bool(socket.recv(10))
    except InvalidStatus as error:
        assert error.response.status_code == 403
        return False


def test_a_page_of_another_web_site_is_refused(server):
    port = server.get_port()
    assert connects(server, Origin=f'http://127.0.0.1:{port}')
    assert connects(server)  # a program, not a page
    for origin in (
        'https://example.org',
        'null',
        f'http://127.0.0.1:{port + 1}',
        f'http://127.0.0.1.example.org:{port}',
    ):
        assert not connects(server, Origin=origin), origin


def test_a_local_page_is_not_served_under_the_name_of_another_machine(server):
    for host, status in (
        (f'127.0.0.1:{server.get_port()}', 200),
        (f'localhost:{server.get_port()}', 200),
        ('x.org', 403),
    ):
        connection = http.client.HTTPConnection('127.0.0.1', server.get_port(), timeout=10)
        connection.request('GET', '/', headers={'Host': host})
        assert connection.getresponse().status == status, host


def test_a_page_for_the_network_is_not_served_under_the_name_of_a_web_site(server):
    other = type(server)('0.0.0.0', PORT, 'test')
    try:
        hosts = {'192.0.2.7': 200, '[2001:db8::7]': 200, socket.gethostname(): 200, 'evil.example': 403, '': 403}
        for host, status in hosts.items():
            connection = http.client.HTTPConnection('127.0.0.1', other.get_port(), timeout=10)
            connection.request('GET', '/', headers={'Host': f'{host}:{other.get_port()}'})
            assert connection.getresponse().status == status, host
    finally:
        other.stop()


def test_a_taken_port_is_passed_over(server):
    from grasp_decoder.page.server import PageServer

    second = PageServer('127.0.0.1', server.get_port(), 'second')
    assert second.get_port() > server.get_port() and second.url == f'http://127.0.0.1:{second.get_port()}'
    second.stop()


def test_an_address_that_this_machine_does_not_have_is_refused(server):
    for address in ('192.0.2.1', 'nowhere.invalid'):
        with pytest.raises(GraspDecoderError, match=f"no page at address '{address}'"):
            type(server)(address, PORT, 'test')


def test_without_viser_one_line_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr('grasp_decoder.page.library.find_spec', lambda name: None)
    with pytest.raises(GraspDecoderError, match='viser is not installed: .venv/bin/pip install viser==1.1.1'):
        require_viser()
