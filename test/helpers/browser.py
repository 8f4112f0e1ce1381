# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A real browser without a window, driven over the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol
"""

import base64
import json
import shutil
import subprocess
import time
import urllib.request

import pytest

PROGRAMS = ('chromium', 'chromium-browser', 'google-chrome')
START_S = 60.0
# OpenGL without a graphics card, of few pixels
QUICK_DRAWING = ('--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--force-device-scale-factor=0.5')
OPTIONS = ('--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0')


class Browser:
    """Shows one page. Skips the test where there is no Chromium."""

    def __init__(self, url, folder, size=(1300, 700)):
        self._client = pytest.importorskip('websockets.sync.client', reason='websockets is not installed')
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            pytest.skip('no browser: install chromium')
        log = open(folder / 'browser.log', 'w')
        window = f'--window-size={size[0]},{size[1]}'
        self._process = subprocess.Popen(
            [program, *OPTIONS, *QUICK_DRAWING, window, f'--user-data-dir={folder}/profile', 'about:blank'],
            stdout=log,
            stderr=log,
        )
        self._number = 0
        self._socket = self._client.connect(self._address(folder / 'profile' / 'DevToolsActivePort'), max_size=None)
        self.call('Page.enable')
        self.call('Page.navigate', url=url)

    def _address(self, file):
        """Where the first tab listens."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, 'the browser ended'
            if file.exists() and (lines := file.read_text().split()):
                tabs = json.load(urllib.request.urlopen(f'http://127.0.0.1:{lines[0]}/json'))
                if pages := [tab for tab in tabs if tab['type'] == 'page']:
                    return pages[0]['webSocketDebuggerUrl']
            time.sleep(0.1)
        raise AssertionError('the browser did not start')

    def call(self, method, **parameters):
        """One command of the protocol, and its result."""
        self._number += 1
        self._socket.send(json.dumps({'id': self._number, 'method': method, 'params': parameters}))
        while True:
            answer = json.loads(self._socket.recv(START_S))
            if answer.get('id') == self._number:
                assert 'error' not in answer, answer
                return answer['result']

    def evaluate(self, expression):
        """The value of a JavaScript expression."""
        return self.call('Runtime.evaluate', expression=expression, returnByValue=True)['result'].get('value')

    def text(self):
        """All that a person reads, in one line."""
        return ' '.join((self.evaluate('document.body.innerText') or '').split())

    def click(self, label):
        """Press the mouse where the button with this label is seen now."""
        x, y = self.evaluate(
            f"(() => {{ const b = [...document.querySelectorAll('button')].find(b => b.innerText.trim() == '{label}');"
            ' const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()'
        )
        self._press_mouse(x, y)

    def press(self, key):
        """Press a key, such as Escape."""
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key)

    def slide(self, share):
        """Press the mouse on the first slider: 0 at its beginning, 1 at its end."""
        x, y = self.evaluate(
            "(() => { const r = document.querySelector('[class*=Slider-track]').getBoundingClientRect();"
            f' return [r.x + {share} * r.width, r.y + r.height / 2]; }})()'
        )
        self._press_mouse(x, y)

    def scroll(self, share):
        """Scroll everything that scrolls: 0 to its beginning, 1 to its end."""
        self.evaluate(f"document.querySelectorAll('*').forEach(e => {{ e.scrollTop = {share} * e.scrollHeight; }})")

    def _press_mouse(self, x, y):
        for kind in ('mousePressed', 'mouseReleased'):
            self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def screenshot(self):
        """The page as PNG."""
        return base64.b64decode(self.call('Page.captureScreenshot', format='png')['data'])

    def close(self):
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)
