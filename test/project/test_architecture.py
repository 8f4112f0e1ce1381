# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The imports keep the contracts of pyproject.toml, and these say what docs/architecture.md says. Nodes are short."""

import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from importlinter.api import read_configuration

ROOT = Path(__file__).resolve().parents[2]

LONGEST_NODE = 150
"""Lines of the longest module of ``nodes``: what is longer decides something, and belongs elsewhere."""


@pytest.fixture(scope='module')
def contracts():
    """The contracts of pyproject.toml by id."""
    options = read_configuration(str(ROOT / 'pyproject.toml'))['contracts_options']
    return {contract['id']: contract for contract in options}


@pytest.fixture(scope='module')
def layers(contracts):
    """The sets of packages that lie side by side, from top to bottom."""
    return [{name.strip() for name in layer.split('|')} for layer in contracts['layers']['layers']]


@pytest.fixture(scope='module')
def table():
    """The table of docs/architecture.md: {package: (packages, libraries) that it may import}, in its order."""
    text = (ROOT / 'docs' / 'architecture.md').read_text().split('\n## Packages\n')[1].split('\n## ')[0]
    rows = [[cell.strip() for cell in line[1:-1].split('|')] for line in text.split('\n') if line.startswith('| `')]
    return {
        name: (words(packages), set(filter(None, re.sub(r' \(.*?\)', '', libraries).split(', '))))
        for names, _, packages, libraries in rows
        for name in re.findall(r'`(\w+)`', names)
    }


def words(cell):
    return set(re.findall(r'`(\w+)`', cell))


def package(module):
    """The package of a module, nothing for a library's."""
    return module.split('.')[1] if module.startswith('grasp_decoder.') else None


def is_package(module):
    """Whether this is a whole package, not a part of one."""
    return module.count('.') == 1


def packages(modules):
    return {package(module) for module in modules} - {None}


def test_the_imports_keep_every_contract():
    program = (
        'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))'
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_import_is_excused(contracts):
    assert [name for name, contract in contracts.items() if contract.get('ignore_imports')] == []


def test_the_table_has_every_package_from_top_to_bottom(table, layers):
    depths = [next(depth for depth, layer in enumerate(layers) if name in layer) for name in table]
    assert depths == sorted(depths)
    assert set(table) == set().union(*layers)


def test_the_table_names_the_packages_that_the_contracts_allow(table, contracts, layers):
    above_ground = [set().union(*layers[depth + 1 : -5]) for depth in range(len(layers))]
    allowed = {name: set(above_ground[depth]) for depth, layer in enumerate(layers) for name in layer}
    for contract in contracts.values():
        if contract['type'] == 'forbidden':
            for importer in packages(contract['source_modules']):
                allowed[importer] -= packages(contract['forbidden_modules'])
        elif contract['type'] == 'protected':
            for importer in allowed.keys() - packages(contract['allowed_importers']):
                allowed[importer] -= packages(filter(is_package, contract['protected_modules']))
    assert {name: row[0] for name, row in table.items()} == allowed


def test_the_table_names_the_libraries_that_the_contracts_allow(table, contracts):
    allowed = {name: set() for name in table}
    for contract in contracts.values():
        if contract['type'] == 'protected' and not packages(contract['protected_modules']):
            for importer in packages(contract['allowed_importers']):
                allowed[importer].add(contract['name'])
    assert {name: row[1] for name, row in table.items()} == allowed


def test_a_contract_guards_every_library(contracts):
    guarded = set()
    for contract in contracts.values():
        guarded.update(contract.get('protected_modules', ()))
    graph = grimp.build_graph('grasp_decoder', include_external_packages=True, cache_dir=None)
    imported = set()
    for module in graph.find_descendants('grasp_decoder'):
        if package(module) not in ('msg', 'srv'):  # which are generated, and beside an installed copy
            imported |= graph.find_modules_directly_imported_by(module)
    libraries = {module for module in imported if module.split('.')[0] != 'grasp_decoder'}
    assert libraries - sys.stdlib_module_names - guarded == set()


def test_no_node_is_long():
    texts = {path.name: path.read_text() for path in (ROOT / 'grasp_decoder/nodes').glob('*.py')}
    lengths = {name: text[text.index('"""') :].count('\n') for name, text in texts.items()}  # without the license
    assert {name for name, length in lengths.items() if length > LONGEST_NODE} == set()
