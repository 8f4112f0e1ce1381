# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Browser: Chromium without a window, driven over the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync import client

from grasp_decoder.errors import GraspDecoderError, first_line

OPTIONS = (
    *('--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0'),
    # OpenGL without a graphics card
    *('--use-angle=swiftshader', '--enable-unsafe-swiftshader'),
)
START_S = ANSWER_S = 60.0


class Browser:
    """Shows one page.

    Args:
        program: what `library.find_browser` gave.
        url: of the page.
        folder: for its log and its profile.
        size: of the page, in pixels.
        scale: of what is drawn: less is quicker.

    Raises:
        GraspDecoderError: it does not start.
    """

    def __init__(self, program: str, url: str, folder: Path, size: tuple[int, int] = (1300, 700), scale: float = 1.0):
        options = f'--window-size={size[0]},{size[1]}', f'--force-device-scale-factor={scale:g}'
        with open(folder / 'browser.log', 'w') as log:
            self._process = subprocess.Popen(
                [program, *OPTIONS, *options, f'--user-data-dir={folder}/profile', 'about:blank'],
                stdout=log,
                stderr=log,
            )
        self._number = 0
        try:
            address = self._address(folder / 'profile' / 'DevToolsActivePort')
            self._socket = client.connect(address, max_size=None)
            self.call('Page.enable')
            self.call('Page.navigate', url=url)
        except BaseException as error:
            self._end()
            if isinstance(error, (OSError, WebSocketException)):
                raise GraspDecoderError(f'the browser did not start: {first_line(error)}') from None
            raise

    def _address(self, file: Path) -> str:
        """Where the first tab listens."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if file.exists() and (lines := file.read_text().split()):
                with urllib.request.urlopen(f'http://127.0.0.1:{lines[0]}/json', timeout=START_S) as answer:
                    tabs = json.load(answer)
                if pages := [tab for tab in tabs if tab['type'] == 'page']:
                    return str(pages[0]['webSocketDebuggerUrl'])
            time.sleep(0.1)
        raise GraspDecoderError('the browser did not start')

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result.

        Raises:
            GraspDecoderError: the browser refuses it, or has ended.
        """
        self._number += 1
        answer: dict[str, Any] = {}
        try:
            self._socket.send(json.dumps({'id': self._number, 'method': method, 'params': parameters}))
            while answer.get('id') != self._number:
                answer = json.loads(self._socket.recv(ANSWER_S))
        except (OSError, WebSocketException) as error:
            raise GraspDecoderError(f'the browser does not answer: {first_line(error)}') from None
        if 'error' in answer:
            raise GraspDecoderError(f'the browser refuses {method}: {answer["error"].get("message")}')
        result: dict[str, Any] = answer['result']
        return result

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        return self.call('Runtime.evaluate', expression=expression, returnByValue=True)['result'].get('value')

    def text(self) -> str:
        """All that a person reads, in one line."""
        return ' '.join((self.evaluate('document.body.innerText') or '').split())

    def screenshot(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.call('Page.captureScreenshot', format='png')['data'])

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._end()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
