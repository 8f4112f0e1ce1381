# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The documentation site, built as a user builds it."""

import subprocess
from pathlib import Path

import pytest

from grasp_decoder.system.interfaces import NODES
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.types.setting import declarations

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / 'build' / 'docs'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not any(ROOT.glob('.venv*/')), reason='./run has not set this checkout up'),
]


@pytest.fixture(scope='module', autouse=True)
def site():
    """Warnings, such as those about dead links and broken docstrings, are errors."""
    done = subprocess.run([ROOT / 'run', 'docs'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_document_is_a_page_that_the_first_page_leads_to():
    index = (SITE / 'index.html').read_text()
    pages = [f'{path.stem}.html' for path in (ROOT / 'docs').glob('*.md') if path.stem != 'index']
    assert [page for page in pages if not (SITE / page).is_file() or f'href="{page}"' not in index] == []


@pytest.mark.parametrize('node', NODES)
def test_every_node_has_a_page_with_its_topics_services_and_parameters(node):
    parts = NODES[node], *NODES[node].with_parameter.values()
    interfaces = [each for has in parts for each in (*has.publishes, *has.subscribes, *has.serves, *has.calls)]
    parameters = [each for settings in NODE_SETTINGS[node] for each in declarations(settings)]
    page = (SITE / 'nodes' / f'{node}.html').read_text()
    assert [each.name for each in (*interfaces, *parameters) if f'>{each.name}<' not in page] == []
    assert [each.type for each in interfaces if each.type not in page] == []


def test_every_module_has_a_page_in_the_reference():
    modules = {path.with_suffix('') for path in (ROOT / 'grasp_decoder').rglob('[!_]*.py')}
    pages = {ROOT / page.parent.relative_to(SITE / 'reference') for page in SITE.glob('reference/**/index.html')}
    assert modules - pages == set()
