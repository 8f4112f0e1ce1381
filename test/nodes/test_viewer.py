# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The operator's page in a real browser, with a real hand_bridge behind it."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from PIL import Image

from grasp_decoder.cli.page_picture import draw_page
from grasp_decoder.control.grip_table import load_grip_table
from grasp_decoder.system.processes import NodeProcess, end_processes
from grasp_decoder.system.recorded_run import RecordedRun
from grasp_decoder.types.time import NS_PER_S

pytest.importorskip('viser', reason='viser, which serves the page, is not installed')

from helpers.browser import Browser


def orange_pixels(screenshot):
    """Pixels of the colour of the finger tips, in light and shade."""
    picture = Image.open(io.BytesIO(screenshot)).convert('HSV')
    hue, saturation, value = np.moveaxis(np.asarray(picture), 2, 0)
    return ((hue > 10) & (hue < 35) & (saturation > 100) & (value > 80)).sum()


def address_of(process, spin_until):
    assert spin_until(lambda: 'the page: ' in process.log_text() or process.poll() is not None)
    [url] = re.findall(r'the page: (\S+)', process.log_text())
    return url


@pytest.fixture
def page(start_node, spin_until, tmp_path):
    """``page(*parameters)`` starts a viewer and opens its page; the test's node goes on while the browser works."""
    opened = []
    with ThreadPoolExecutor(1) as thread:

        def aside(function, *arguments):
            future = thread.submit(function, *arguments)
            assert spin_until(future.done)
            return future.result()

        def open_page(*parameters):
            viewer = start_node('viewer', '--ros-args', '-p', 'port:=8400', *parameters)
            browser = aside(Browser, address_of(viewer, spin_until), tmp_path)
            opened.append(browser)
            browser.aside = aside
            browser.reads = lambda *words: spin_until(lambda: all(each in aside(browser.text) for each in words), 60)
            return browser

        yield open_page
        for browser in opened:
            browser.close()


@pytest.mark.slow
def test_the_page_shows_the_run_its_e_stop_makes_the_hand_safe_and_the_recording_shows_it_again(
    page, feeder, spin_until, start_node, tmp_path
):
    from helpers.bridge_feeder import HOLD, PATIENT, PRESHAPE, SAFE

    recording = tmp_path / 'run.mcap'
    recorder = start_node('recorder', '--ros-args', '-p', f'file:={recording}')
    run = feeder(*PATIENT)
    browser = page()
    run.reach(PRESHAPE)
    assert browser.reads('E-STOP', 'PRESHAPE', 'GRASP 0.01', 'spherical', '96 units', 'no trial is over yet')
    column = "document.querySelector('style.gd-style').parentElement.getBoundingClientRect()"
    assert browser.aside(partial(browser.evaluate, f'{column}.right < innerWidth')), 'the panel is cut off'
    run.hold()
    assert browser.reads('HOLD', 'GRASP 0.99')
    assert run.state == HOLD
    held_ns = time.time_ns()

    assert spin_until(lambda: orange_pixels(browser.aside(browser.screenshot)) > 100), 'no hand is seen'
    browser.aside(browser.scroll, 1)
    browser.aside(browser.click, 'E-STOP')
    run.reach(SAFE)
    assert run.commands[-1].reason.startswith('e-stop')
    assert browser.reads('SAFE', 'e-stop')
    run.grasp = 0.01
    browser.aside(browser.scroll, 0)
    browser.aside(browser.click, 'Reset the e-stop')
    run.reach(PRESHAPE)
    assert browser.reads('e-stop released')
    browser.aside(browser.press, 'Escape')
    run.reach(SAFE)
    assert run.commands[-1].reason.startswith('e-stop')

    recorder.interrupt()
    assert recorder.wait(20) == 0
    recorded = NodeProcess('view', [str(recording), '--port', '8450'], tmp_path / 'view.log')
    try:
        browser.aside(partial(browser.call, 'Page.navigate', url=address_of(recorded, spin_until)))
        assert browser.reads('Recording', 'run.mcap', 'pause', 'Speed')
        browser.aside(browser.click, 'pause')
        whole = RecordedRun(recording, load_grip_table())
        browser.aside(browser.slide, (held_ns - whole.start_ns) / NS_PER_S / whole.duration_s)
        assert browser.reads('HOLD', 'GRASP 0.99', 'spherical', '96 units')
        assert spin_until(lambda: orange_pixels(browser.aside(browser.screenshot)) > 100), 'no hand is seen'
        for label in ('E-STOP', 'Reset the e-stop', 'Decode with it'):
            assert label not in browser.aside(browser.text)
        browser.aside(browser.slide, 0.9)
        browser.aside(browser.click, 'play')
        assert browser.reads('SAFE', 'e-stop')
        recorded.interrupt()
        assert recorded.wait(20) == 130
    finally:
        end_processes([recorded])
    draw_page(recording, tmp_path / 'page.png')
    assert orange_pixels((tmp_path / 'page.png').read_bytes()) > 100
