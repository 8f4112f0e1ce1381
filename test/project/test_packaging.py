# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""setup.py, CMakeLists.txt, package.xml and the sources say the same; `pip install .` works without ROS."""

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import xml.etree.ElementTree as ElementTree
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from grasp_decoder.hand.simulator import SIMULATORS
from grasp_decoder.sources.spike_system import SYSTEMS
from grasp_decoder.system.interfaces import NODES

ROOT = Path(__file__).resolve().parents[2]
# Imported by this package, but there with ROS 2 itself.
ROS_PACKAGES_OF_PYTHON_MODULES = {'rclpy', 'builtin_interfaces', 'rcl_interfaces', 'ament_index_python'}
# The key that rosdep has for what is required of Python; the rest has none, or is needed by benchmarks only.
ROSDEP_KEYS = {
    'cryptography': 'python3-cryptography',
    'jinja2': 'python3-jinja2',
    'matplotlib': 'python3-matplotlib',
    'numpy': 'python3-numpy',
    'pillow': 'python3-pil',
    'protobuf': 'python3-protobuf',
    'pyyaml': 'python3-yaml',
    'pyzmq': 'python3-zmq',
    'scikit-learn': 'python3-sklearn',
    'scipy': 'python3-scipy',
    'tqdm': 'python3-tqdm',
}
WITHOUT_KEY = {
    'ai-edge-litert',
    'keras',
    'keras-tuner',
    'mcap',
    'mcap-ros2-support',
    'mujoco',
    'neo',
    'pylsl',
    'redis',
    'tensorflow-cpu',
}
# Files that serve the repository, not those who build from a source distribution.
ONLY_IN_GIT = {'.gitignore'}


def modules_with_main(package):
    """Names of the modules of a sub-package that define main()."""
    names = set()
    for path in (ROOT / 'grasp_decoder' / package).glob('*.py'):
        functions = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
        if 'main' in functions:
            names.add(path.stem)
    return names


def cmake_list(name):
    text = (ROOT / 'CMakeLists.txt').read_text()
    return set(re.search(rf'{re.escape(name)}\s+([^)]*?)\s*\)', text).group(1).split())


def entry_points(group):
    # setup() hands its arguments to whatever is in its place, so that nothing is built here.
    program = (
        'import json, setuptools; setuptools.setup = lambda **arguments: print(json.dumps(arguments["entry_points"]));'
        'exec(open("setup.py").read())'
    )
    output = subprocess.run([sys.executable, '-c', program], cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(line.split(' = ') for line in json.loads(output.stdout)[group])


def test_every_module_with_main_is_an_executable():
    executables = cmake_list('set(executables')
    assert executables == {f'{package}/{name}' for package in ('cli', 'nodes') for name in modules_with_main(package)}


def test_setup_py_gives_one_command():
    assert entry_points('console_scripts') == {'grasp-decoder': 'grasp_decoder.__main__:main'}


@pytest.mark.parametrize('plug_ins', [SIMULATORS, SYSTEMS], ids=lambda plug_ins: plug_ins.kind)
def test_setup_py_gives_the_plug_ins_that_are_built_in(plug_ins):
    assert entry_points(plug_ins.group) == plug_ins.built_in


def test_all_messages_are_generated():
    generated = cmake_list('rosidl_generate_interfaces(${PROJECT_NAME}')
    files = {str(path.relative_to(ROOT)) for folder in ('msg', 'srv') for path in (ROOT / folder).iterdir()}
    assert files == {name for name in generated if '/' in name}


def test_package_xml_names_the_same_package():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / 'setup.cfg')
    version = re.search(r"__version__ = '(.*)'", (ROOT / 'grasp_decoder' / '__init__.py').read_text()).group(1)
    assert package.find('name').text == configuration['metadata']['name'] == 'grasp_decoder'
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert package.find('version').text == citation['version'] == version
    assert package.find('license').text == citation['license'] == configuration['metadata']['license'] == 'Apache-2.0'
    assert package.find('description').text == configuration['metadata']['description']


def test_changelog_is_one_that_ros_reads_and_begins_with_this_version():
    changelog = pytest.importorskip('catkin_pkg.changelog', reason='ROS 2 reads changelogs with catkin_pkg')
    versions = [
        version for version, _, _ in changelog.get_changelog_from_path(ROOT / 'CHANGELOG.rst').foreach_version()
    ]
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    assert versions[-1] == package.find('version').text


def test_package_xml_names_every_ros_package_that_is_imported():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    named = {element.text for tag in ('depend', 'exec_depend') for element in package.iter(tag)}
    imported = set()
    for path in (ROOT / 'grasp_decoder' / 'nodes').glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split('.')[0])
            elif isinstance(node, ast.Import):
                imported.update(alias.name.split('.')[0] for alias in node.names)
    for node in NODES.values():
        for part in (node, *node.with_parameter.values()):
            for interface in (*part.publishes, *part.subscribes, *part.serves, *part.calls):
                imported.add(interface.type.split('/')[0])
    messages = {name for name in imported if name.endswith(('_msgs', '_srvs'))}
    assert {'control_msgs', 'trajectory_msgs'} <= messages
    assert messages | (imported & ROS_PACKAGES_OF_PYTHON_MODULES) <= named


def test_package_xml_names_every_python_requirement_that_rosdep_knows():
    required = set()
    for name in ('core.in', 'system.in', 'train.in'):
        lines = (ROOT / 'requirements' / name).read_text().splitlines()
        required |= {re.split(r'[ =<>]', line)[0] for line in lines if line and line[0] not in '#-'}
    assert required == ROSDEP_KEYS.keys() | WITHOUT_KEY
    named = [element.text for element in ElementTree.parse(ROOT / 'package.xml').getroot().iter('exec_depend')]
    assert [key for key in named if key.startswith('python3-')] == sorted(ROSDEP_KEYS.values())


def test_executables_can_be_run_where_they_are_linked_to():
    [made] = re.findall(r'configure_file\(resource/executable.py.in [^)]*\)', (ROOT / 'CMakeLists.txt').read_text())
    assert 'OWNER_EXECUTE' in made and 'WORLD_EXECUTE' in made


def test_every_python_file_has_the_license_first():
    header, _, _ = Path(__file__).read_text().partition('\n\n')
    assert header.startswith('# Copyright 2026 The grasp_decoder developers\n')
    folders = 'benchmark', 'docs', 'examples', 'grasp_decoder', 'launch', 'test'
    files = [*ROOT.glob('*.py'), *(path for folder in folders for path in (ROOT / folder).rglob('*.py'))]
    assert [str(path) for path in files if not path.read_text().startswith(f'{header}\n')] == []


def test_find_package_and_package_xml_agree():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    tags = ('buildtool_depend', 'build_depend', 'depend', 'test_depend')
    needed = {element.text for tag in tags for element in package.iter(tag)}
    # ament_lint_auto finds these by package.xml.
    linters = {f'ament_cmake_{name}' for name in ('copyright', 'flake8', 'lint_cmake', 'pep257', 'xmllint')}
    assert set(re.findall(r'find_package\((\w+)', (ROOT / 'CMakeLists.txt').read_text())) | linters == needed


LAYERS = {
    'build': ('build',),
    'run': ('core', 'system'),
    'train': ('train',),
    'view': ('view',),
    'formats': ('formats',),
    'test': ('test',),
}
with_each_lock = pytest.mark.parametrize('lock', ['wheels', 'ros-jazzy'])


def required(name):
    """Names in requirements/NAME.in and what it includes."""
    for line in (ROOT / 'requirements' / f'{name}.in').read_text().splitlines():
        if line.startswith('-r '):
            yield from required(line[3:].removesuffix('.in'))
        elif not line.startswith('#'):
            yield re.match(r'[\w-]+', line).group()


def locked(file):
    """Name to version, of requirements/FILE.txt."""
    return dict(
        re.findall(r'^([a-z0-9.-]+)(?:\[.*\])?==(\S+)', (ROOT / 'requirements' / f'{file}.txt').read_text(), re.M)
    )


@with_each_lock
def test_locks_pin_everything_and_name_no_host(lock):
    assert re.fullmatch(r'([a-z0-9.-]+==[\w.]+\n)+', (ROOT / 'requirements' / f'{lock}.txt').read_text())
    for layer in LAYERS:
        text = (ROOT / 'requirements' / lock / f'{layer}.txt').read_text()
        assert re.fullmatch(r'([a-z0-9.-]+(\[\w+\])?==[\w.]+( \\\n    --hash=sha256:[0-9a-f]{64})+\n)+', text), layer


@with_each_lock
def test_layers_hold_what_is_required_and_together_the_lock(lock):
    files = LAYERS if lock == 'ros-jazzy' else {**LAYERS, 'run': (*LAYERS['run'], 'ros')}
    together = {}
    for layer, names in files.items():
        pins = locked(f'{lock}/{layer}')
        assert {name for file in names for name in required(file)} <= pins.keys(), f'run requirements/lock: {layer}'
        together |= pins
    assert together == locked(lock), 'run requirements/lock'


def test_what_runs_is_locked_with_all_that_it_requires_and_without_what_trains_and_tests():
    if 'ROS_DISTRO' in os.environ:
        pytest.skip('the packages of ROS 2 are not from wheels')
    wanted = [
        Requirement(line)
        for name in ('core', 'system', 'ros')
        for line in (ROOT / 'requirements' / f'{name}.in').read_text().splitlines()
        if not line.startswith('#')
    ]
    names = set()
    while wanted:
        requirement = wanted.pop()
        if requirement.marker and not requirement.marker.evaluate({'extra': ''}):
            continue
        if (name := canonicalize_name(requirement.name)) not in names:
            names.add(name)
            wanted += [Requirement(text) for text in metadata.requires(name) or ()]
    assert names <= locked('wheels/run').keys()
    assert names & {'tensorflow-cpu', 'keras', 'h5py', 'mypy', 'sphinx', 'hypothesis'} == set()


@pytest.fixture(scope='module')
def source_distribution(tmp_path_factory):
    """(The sdist of what git would commit, the names of these files). Skips outside a git checkout."""
    if not (ROOT / '.git').exists() or shutil.which('git') is None:
        pytest.skip('no git checkout')
    command = ['git', 'ls-files', '--cached', '--others', '--exclude-standard']
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    names = [name for name in names if (ROOT / name).is_file()]
    source = tmp_path_factory.mktemp('source')  # because setuptools writes into the folder that it builds from
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    folder = tmp_path_factory.mktemp('dist')
    program = f'import setuptools.build_meta; setuptools.build_meta.build_sdist({str(folder)!r})'
    subprocess.run([sys.executable, '-c', program], cwd=source, check=True, capture_output=True)
    return next(folder.iterdir()), set(names)


@pytest.mark.slow
def test_the_source_distribution_is_complete(source_distribution):
    archive, names = source_distribution
    with tarfile.open(archive) as files:
        packed = {member.name.partition('/')[2]: member for member in files.getmembers() if member.isfile()}
    made = {name for name in packed if name == 'PKG-INFO' or name.startswith('grasp_decoder.egg-info/')}
    assert packed.keys() - made == names - ONLY_IN_GIT
    assert packed['run'].mode & 0o111


@pytest.mark.slow
def test_pip_install_gives_the_core_without_ros(tmp_path, source_distribution):
    """A fresh environment that sees this one's libraries, but neither the checkout nor the built messages."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ('PYTHONPATH', 'AMENT_PREFIX_PATH', 'VIRTUAL_ENV')
    }

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    archive, names = source_distribution
    fresh = tmp_path / 'fresh'
    run(sys.executable, '-m', 'venv', '--without-pip', fresh)
    site = sysconfig.get_path('purelib', vars={'base': str(fresh)})
    Path(site, 'libraries.pth').write_text(sysconfig.get_path('purelib') + '\n')
    offline = ('--no-deps', '--no-build-isolation', '--no-index', '--ignore-installed')
    run(sys.executable, '-m', 'pip', '--python', fresh, 'install', *offline, archive)

    assert 'train' in run(fresh / 'bin' / 'grasp-decoder', '--help')
    assert 'usage: grasp-decoder train' in run(fresh / 'bin' / 'grasp-decoder', 'train', '--help')
    where = run(
        fresh / 'bin' / 'python', '-c', 'import grasp_decoder.share as s; print(s.__file__, s.share_directory())'
    )
    module, share = where.split()
    assert Path(module).is_relative_to(site)
    beside_code = [name for name in names if name.startswith('grasp_decoder/')]
    assert [name for name in beside_code if not Path(site, name).is_file()] == []
    assert Path(share) == fresh / 'share' / 'grasp_decoder'
    for folder in ('bundles', 'config', 'worlds'):
        expected = {name for name in names if name.startswith(f'{folder}/')}
        installed = {str(path.relative_to(share)) for path in Path(share, folder).rglob('*') if path.is_file()}
        assert installed == expected
