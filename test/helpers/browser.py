# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""A real browser, and a person's hands on it."""

import pytest

from grasp_decoder.page import browser
from grasp_decoder.page.library import find_browser


class Browser(browser.Browser):
    """Shows one page, in few pixels. Skips the test where there is no Chromium."""

    def __init__(self, url, folder, size=(1300, 700)):
        program = find_browser()
        if program is None:
            pytest.skip('no browser: install chromium')
        super().__init__(program, url, folder, size, scale=0.5)

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
