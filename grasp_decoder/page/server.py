# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The web server of the page: viser's, but closed to other web sites, and never open to the internet."""

from __future__ import annotations

import contextlib
import functools
import io
import ipaddress
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import viser
import websockets.asyncio.server

from grasp_decoder.errors import GraspDecoderError

THIS_MACHINE = ('127.0.0.1', 'localhost', '::1')


class PageServer(viser.ViserServer):
    """A server of viser that only its own page can talk to.

    Any web site that is open in a browser may connect to a WebSocket of this machine. It says where it comes from,
    and a connection that comes from elsewhere is refused. Viser's tunnel through a server of its makers stays shut.

    Args:
        address: of this machine, or one of its networks.
        port: the next one that is free is taken.
        title: of the page.

    Raises:
        GraspDecoderError: this machine does not have the address.
    """

    def __init__(self, address: str, port: int, title: str):
        try:
            socket.create_server((address, 0), family=socket.AF_INET6 if ':' in address else socket.AF_INET).close()
        except OSError as error:
            raise GraspDecoderError(f"no page at address '{address}': {error.strerror or error}") from None
        with _own_page_only(address in THIS_MACHINE), _silence():
            super().__init__(address, port, title, verbose=False)
        host = f'[{address}]' if ':' in address else address
        self.url = f'http://{host}:{self.get_port()}'

    def stop(self) -> None:
        """Serve no more."""
        with _silence():
            super().stop()

    def request_share_url(self, verbose: bool = True) -> None:
        """Do nothing: a hand is not to be moved from the internet."""


def _silence() -> contextlib.redirect_stdout[io.StringIO]:
    """What viser prints is left out."""
    return contextlib.redirect_stdout(io.StringIO())


@contextlib.contextmanager
def _own_page_only(local: bool) -> Iterator[None]:
    """Servers that start meanwhile refuse foreign pages; viser has no option for that."""
    library: Any = websockets.asyncio.server
    serve = library.serve

    def guarded(*args: Any, process_request: Any, **options: Any) -> Any:
        def process(connection: Any, request: Any) -> Any:
            if _is_foreign(request.headers, local):
                return connection.respond(HTTPStatus.FORBIDDEN, 'This is not the page of this server.\n')
            return process_request(connection, request)

        return serve(*args, process_request=process, **options)

    library.serve = functools.wraps(serve)(guarded)
    try:
        yield
    finally:
        library.serve = serve


def _is_foreign(headers: Any, local: bool) -> bool:
    """Whether a request comes from the page of another server, or calls this one by a name that is not its own.

    A web site can have its name lead to this machine: then its page would pass for ours.
    """
    host, origin = headers.get('Host', ''), headers.get('Origin')
    name = urlsplit(f'//{host}').hostname or ''
    if name not in THIS_MACHINE and (local or not (name == socket.gethostname().lower() or _is_number(name))):
        return True
    return origin is not None and urlsplit(origin).netloc != host


def _is_number(name: str) -> bool:
    """Whether a host is named by its IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
