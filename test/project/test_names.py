# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Documents, docstrings and comments name files and modules that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')]
MODULES = [*(ROOT / 'grasp_decoder').rglob('*.py'), *ROOT.glob('benchmark/*.py'), *ROOT.glob('examples/*.py')]
OTHER_PYTHON_FILES = [*ROOT.glob('test/**/*.py'), *ROOT.glob('launch/*.py'), *ROOT.glob('*.py')]
PACKAGES = '|'.join(path.parent.name for path in (ROOT / 'grasp_decoder').glob('*/__init__.py'))


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize('path', DOCUMENTS + MODULES, ids=relative)
def test_python_files_that_are_named_exist(path):
    existing = [f'/{relative(file)}' for file in MODULES + OTHER_PYTHON_FILES]
    named = re.findall(r'(?<![\w/-])[a-z][a-z0-9_/.]*\.py\b', path.read_text())
    assert {name for name in named if not any(file.endswith(f'/{name}') for file in existing)} == set()


@pytest.mark.parametrize('path', DOCUMENTS, ids=relative)
def test_modules_that_are_named_exist(path):
    for name in re.findall(rf'`(?:grasp_decoder\.)?((?:{PACKAGES})(?:\.\w+)+)', path.read_text()):
        if name.endswith('.py'):
            continue  # a file
        assert exists(f'grasp_decoder.{name}'), name


def exists(name):
    """Whether this is a module, or named in one."""
    parent, _, last = name.rpartition('.')
    folder = ROOT.joinpath(*parent.split('.'))
    file = folder.with_suffix('.py')
    return (
        (folder / f'{last}.py').is_file()
        or (folder / last / '__init__.py').is_file()
        or (file.is_file() and re.search(rf'^(class|def)? ?{last}\b', file.read_text(), re.MULTILINE) is not None)
    )
