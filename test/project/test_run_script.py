# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The script `run`: what it says to a newcomer."""

import fcntl
import hashlib
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ('bash', 'cat', 'cut', 'dirname', 'env', 'flock', 'readlink', 'sha256sum')

# The environment that ./run made for this checkout, in a shell with or without a sourced ROS 2.
ENVIRONMENTS = sorted(ROOT.glob('.venv*/'))
set_up_here = pytest.mark.skipif(not ENVIRONMENTS, reason='./run has not set this checkout up')


def run(*arguments, script=ROOT / 'run', **options):
    return subprocess.run([script, *arguments], capture_output=True, text=True, **options)


@pytest.fixture
def bare_machine(tmp_path):
    """A fresh checkout on a machine with none of what has to be installed: (script, environment)."""
    checkout, tools = tmp_path / 'checkout', tmp_path / 'tools'
    checkout.mkdir()
    tools.mkdir()
    shutil.copy(ROOT / 'run', checkout)
    for folder in ('requirements', 'msg', 'srv', 'resource'):
        shutil.copytree(ROOT / folder, checkout / folder)
    for file in ('CMakeLists.txt', 'package.xml'):
        shutil.copy(ROOT / file, checkout)
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool))
    return checkout / 'run', tools, {'PATH': str(tools), 'HOME': str(tmp_path)}


def test_help_from_any_directory_names_every_executable(tmp_path):
    text = run('help', cwd=tmp_path).stdout
    names = (
        path.stem
        for folder in ('cli', 'nodes')
        for path in (ROOT / 'grasp_decoder' / folder).glob('*.py')
        if 'def main(' in path.read_text()
    )
    assert [name for name in names if name not in text.split()] == []


@pytest.mark.parametrize('command', ['--help', 'help', 'test --help', 'bench -h', 'docs --help'])
def test_help_sets_nothing_up(bare_machine, command):
    script, _, environment = bare_machine
    done = run(*command.split(), script=script, env=environment)
    assert done.returncode == 0 and done.stdout.startswith('usage: ./run ') and done.stderr == ''
    assert not (script.parent / '.venv').exists()


def test_a_benchmark_must_be_named_before_anything_is_installed(bare_machine):
    script, tools, environment = bare_machine
    give(tools, 'grep', 'sed', 'xargs', 'echo')
    shutil.copytree(ROOT / 'benchmark', script.parent / 'benchmark')
    done = run('bench', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'bench needs one of: ' in done.stderr and ' soak ' in done.stderr


@pytest.mark.parametrize('unknown', ['dance', 'cli', 'decode', '.*'])
def test_an_unknown_command_is_refused_before_anything_is_installed(bare_machine, unknown):
    script, _, environment = bare_machine
    done = run(unknown, '--help', script=script, env=environment)
    assert done.returncode == 2 and done.stderr == f"run: no command '{unknown}': ./run help lists them\n"


def test_missing_python_is_one_line(bare_machine):
    script, _, environment = bare_machine
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'install python3' in done.stderr
    assert not (script.parent / '.venv').exists()


def give(tools, *names):
    """Put tools on the path of the bare machine."""
    for tool in names:
        if shutil.which(tool) is None:
            pytest.skip(f'{tool} is not installed')
        (tools / tool).symlink_to(shutil.which(tool))


def fake(path, *lines):
    """A program that this machine cannot do without."""
    path.write_text('\n'.join(('#!/bin/sh', *lines, '')))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize('missing', ['g++', 'cmake', 'make'])
def test_missing_build_tool_is_one_line(bare_machine, missing):
    script, tools, environment = bare_machine
    give(tools, *{'python3', 'g++', 'cmake', 'make'} - {missing})
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and f'install {missing} ' in done.stderr


def test_all_that_is_missing_is_one_line(bare_machine):
    script, _, environment = bare_machine
    done = run('doctor', script=script, env=environment)
    assert done.stderr.count('\n') == 1
    assert 'install python3 python3-venv python3-dev g++ cmake make ' in done.stderr


def test_a_python_that_the_locks_are_not_for_is_one_line(bare_machine):
    script, tools, environment = bare_machine
    fake(tools / 'python3', 'case $1 in --version) echo Python 3.99.0;; *) exit 1;; esac')
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'Python 3.99.0' in done.stderr and 'PYTHON=' in done.stderr


@pytest.mark.parametrize('wrong', ['no/such/python', 'cat'])
def test_a_wrong_python_is_not_ignored(bare_machine, wrong):
    script, _, environment = bare_machine
    done = run('doctor', script=script, env={**environment, 'PYTHON': wrong})
    assert done.returncode == 2
    assert done.stderr == f"run: PYTHON is '{wrong}', which is no Python 3.11, 3.12 or 3.13\n"


def test_a_full_disk_is_noticed_before_anything_is_installed(bare_machine):
    script, tools, environment = bare_machine
    give(tools, 'python3', 'g++', 'cmake', 'make')
    fake(tools / 'df', 'echo Avail; echo 17')
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr == f'run: the set-up needs 1000 MB in {script.parent}, and 17 MB are free\n'
    assert not (script.parent / '.venv').exists()


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_a_checkout_that_cannot_be_written_to_is_one_line(bare_machine):
    script, _, environment = bare_machine
    script.parent.chmod(0o500)
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and f'cannot write to {script.parent}' in done.stderr


def test_without_a_home_there_is_one_in_the_checkout(bare_machine, tmp_path):
    script, tools, environment = bare_machine
    give(tools, 'mkdir')
    done = run('doctor', script=script, env={**environment, 'HOME': str(tmp_path / 'none')})
    assert done.stderr.startswith(
        f'run: HOME ({tmp_path}/none) is no folder to write to: using {script.parent}/.home\n'
    )


@pytest.mark.parametrize('ros, venv', [({}, '.venv'), ({'ROS_DISTRO': 'jazzy'}, '.venv_ros')])
def test_a_second_set_up_says_that_it_waits(bare_machine, ros, venv):
    """Shells with and without ROS 2 have an environment each."""
    script, _, environment = bare_machine
    with open(script.parent / f'{venv}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen([script, 'doctor'], env=environment | ros, stderr=subprocess.PIPE, text=True)
        assert second.stderr.readline() == f'run: waiting for another ./run that sets up {script.parent}/{venv}\n'
    assert 'install python3' in second.communicate()[1]


def said_on(master: int) -> str:
    """All that was written to a terminal that nobody has open any more; what was written at once may come in pieces."""
    said = b''
    with suppress(OSError):  # the end, on Linux
        while piece := os.read(master, 10000):
            said += piece
    os.close(master)
    return said.decode()


@pytest.mark.skipif(os.geteuid() != 0, reason='only root installs packages')
@pytest.mark.parametrize(
    'options, answer, installs',
    [([], None, False), (['--yes'], None, True), ([], 'y', True), ([], '', True), ([], 'n', False)],
)
def test_root_is_asked_before_packages_are_installed(bare_machine, options, answer, installs):
    script, tools, environment = bare_machine
    asked = tools / 'asked'
    fake(tools / 'apt-get', f'echo "$@" >> {asked}')
    master, terminal = pty.openpty()
    with subprocess.Popen(
        [script, *options, 'doctor'],
        env=environment,
        stdin=subprocess.DEVNULL if answer is None else terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        if answer is not None:
            os.write(master, f'{answer}\n'.encode())
    os.close(terminal)
    said = said_on(master)
    assert process.returncode == 2 and 'missing: install python3' in said  # the fake has installed nothing
    assert ('[Y/n]' in said) == (answer is not None)
    # The library that draws is installed apart from the rest, which works without it.
    wanted = ['python3 python3-venv python3-dev g++ cmake make', 'libosmesa6'] if installs else []
    lines = asked.read_text().splitlines() if asked.exists() else []
    assert [line.partition('--no-install-recommends ')[2] for line in lines if line != 'update -q'] == wanted


@set_up_here
@pytest.mark.slow
def test_a_checkout_works_in_a_path_with_spaces_after_it_was_moved_there(bare_machine, tmp_path):
    """What was built is this checkout's, and so is the Python environment: only the place is another."""
    script, _, _ = bare_machine
    for folder in ('grasp_decoder', 'bundles', 'config', 'launch', 'worlds'):
        shutil.copytree(ROOT / folder, script.parent / folder)
    kind = ENVIRONMENTS[0].name.removeprefix('.venv')
    (script.parent / f'.venv{kind}').symlink_to(ENVIRONMENTS[0].resolve())
    for folder in (f'build{kind}', f'install{kind}'):
        shutil.copytree(ROOT / folder, script.parent / folder, symlinks=True)
    own = {'VIRTUAL_ENV', 'PYTHONPATH', 'AMENT_PREFIX_PATH', 'CMAKE_PREFIX_PATH', 'LD_LIBRARY_PATH'}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    script = script.parent.rename(tmp_path / 'another place') / 'run'
    done = run('inspect', '--help', script=script, env=environment)
    assert done.returncode == 0, done.stderr
    assert 'usage: inspect' in done.stdout
    assert 'building the messages' in done.stderr and re.search(r'^run: set up: messages \d+ s$', done.stderr, re.M)
    assert str(ROOT) not in (script.parent / f'install{kind}' / 'grasp_decoder' / 'made_for').read_text()
    assert run('inspect', '--help', script=script, env=environment).stderr == ''


@set_up_here
def test_a_shared_environment_is_not_made_again_for_another_python(bare_machine, tmp_path):
    script, tools, environment = bare_machine
    give(tools, 'python3', 'g++', 'cmake', 'make', 'mkdir')
    (script.parent / '.venv').symlink_to(Path(sys.prefix).resolve())
    other = fake(tmp_path / 'python', 'echo /other/python3.12')
    done = run('doctor', script=script, env={**environment, 'PYTHON': str(other)})
    assert done.returncode == 2
    # Before it ./run may say that it waits for another checkout with the same environment.
    assert 'is a link to an environment of' in done.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize(
    'command, layers',
    [
        ('doctor', ['run']),
        ('demo', ['run']),
        ('chromium: demo', ['run', 'view']),  # which takes a picture of the page
        ('demo --train', ['run', 'train']),
        ('demo --view', ['run', 'view']),
        ('adapt', ['run']),
        ('docs', ['run', 'test']),
        ('viewer --help', ['run', 'view']),
        ('view --help', ['run', 'view']),
        ('replay_decode --view --hand mujoco', ['run', 'view']),
        ('convert session.mat session.NWB', ['run', 'formats']),
        ('python see.py day.nwb', ['run', 'train', 'formats']),
        ('train --session day.nix --out bundle', ['run', 'train', 'formats']),
        ('inspect old.mat', ['run']),
        ('inspect --session=new.mat', ['run', 'formats']),
        ('listen live --view --adapt', ['run', 'view']),
        ('test fast', ['run', 'train', 'view', 'formats', 'test']),
    ],
)
def test_a_command_installs_what_it_needs_once(bare_machine, tmp_path, command, layers):
    script, tools, environment = bare_machine
    give(tools, 'python3', 'g++', 'cmake', 'make', 'mkdir', 'tee', 'tail', 'rm')
    fake(tools / 'df', 'echo Avail; echo 9999')
    (tmp_path / 'venv' / 'bin').mkdir(parents=True)
    fake(tmp_path / 'venv' / 'bin' / 'python', f'echo "$@" >> {tmp_path}/asked')
    (script.parent / '.venv').symlink_to(tmp_path / 'venv')
    (tmp_path / 'old.mat').write_bytes(b'MATLAB 5.0 MAT-file\0')
    (tmp_path / 'new.mat').write_bytes(b'MATLAB 7.3 MAT-file\0')
    if command.startswith('chromium: '):
        fake(tools / 'chromium', '')
        command = command.removeprefix('chromium: ')
    for _ in range(2):
        done = run(*command.split(), script=script, env=environment, cwd=tmp_path)
        assert 'colcon build failed' in done.stderr  # the fake Python has installed no colcon
    calls = [line for line in (tmp_path / 'asked').read_text().splitlines() if line.startswith('-m pip install ')]
    assert all(' --require-hashes ' in call and ' --no-build-isolation ' in call for call in calls)
    locks = [re.search(r'/requirements/wheels/(\w+)\.txt$', call).group(1) for call in calls]
    assert locks == [lock for layer in layers for lock in ('build', layer)]


# A module that builds wheels: the test's own, and the one that builds from a source distribution.
BUILDER = """
import zipfile


def write_wheel(folder, name, source):
    with zipfile.ZipFile(f'{folder}/{name}-1-py3-none-any.whl', 'w') as wheel:
        wheel.writestr(f'{name}.py', source)
        about = f'{name}-1.dist-info'
        wheel.writestr(f'{about}/METADATA', f'Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n')
        wheel.writestr(f'{about}/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        wheel.writestr(f'{about}/RECORD', '')


def build_wheel(folder, config_settings=None, metadata_directory=None):
    write_wheel(folder, 'without_wheel', '')
    return 'without_wheel-1-py3-none-any.whl'
"""


@pytest.mark.slow
def test_without_an_index_pip_takes_what_the_locks_know_from_a_folder_and_nothing_else(bare_machine, tmp_path):
    """In place of the real packages: one that builds, one that has to be built, and one that somebody has changed."""
    script, tools, environment = bare_machine
    give(tools, 'mkdir', 'tee', 'tail', 'rm')
    for name in ('g++', 'cmake', 'make', 'colcon'):
        fake(tools / name, 'exit 1')
    fake(tools / 'df', 'echo Avail; echo 9999')
    wheelhouse = tmp_path / 'wheelhouse'
    wheelhouse.mkdir()
    exec(BUILDER, builder := {})
    builder['write_wheel'](wheelhouse, 'builder', BUILDER)
    builder['write_wheel'](wheelhouse, 'changed', 'good = True')
    project = '[build-system]\nrequires = ["builder"]\nbuild-backend = "builder"\n'
    with tarfile.open(wheelhouse / 'without_wheel-1.tar.gz', 'w:gz') as source:
        for name, text in (('pyproject.toml', project), ('PKG-INFO', 'Metadata-Version: 2.1\nName: without_wheel\n')):
            member = tarfile.TarInfo(f'without_wheel-1/{name}')
            member.size = len(text)
            source.addfile(member, io.BytesIO(text.encode()))
    for layer, name in (('build', 'builder'), ('run', 'without_wheel'), ('view', 'changed')):
        [file] = wheelhouse.glob(f'{name}-1*')
        known = hashlib.sha256(file.read_bytes()).hexdigest()
        lock = script.parent / 'requirements' / 'ros-jazzy' / f'{layer}.txt'
        lock.write_text(f'{name}==1 --hash=sha256:{known}\n')
    builder['write_wheel'](wheelhouse, 'changed', 'good = False')

    environment |= {'ROS_DISTRO': 'jazzy', 'PYTHON': sys._base_executable}
    environment |= {'PIP_NO_INDEX': '1', 'PIP_FIND_LINKS': str(wheelhouse), 'PIP_CONFIG_FILE': '/dev/null'}
    done = run('viewer', script=script, env=environment)
    assert done.returncode == 2
    assert 'DO NOT MATCH THE HASHES' in done.stderr and 'could not install the requirements' in done.stderr
    installed = {path.stem for path in (script.parent / '.venv_ros').glob('lib/python3*/site-packages/*.py')}
    assert {'builder', 'without_wheel'} <= installed and 'changed' not in installed


def test_another_ros_distribution_is_refused(bare_machine):
    script, _, environment = bare_machine
    done = run('doctor', script=script, env={**environment, 'ROS_DISTRO': 'humble'})
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'humble' in done.stderr and 'Jazzy' in done.stderr


def test_a_sourced_ros_is_not_mixed_with_its_sources(tmp_path):
    script, environment = ROOT / 'test' / 'with_ros_sources.sh', {**os.environ, 'ROS_DISTRO': 'jazzy'}
    done = subprocess.run([script, tmp_path / 'new', 'true'], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1 and 'use a shell without it' in done.stderr
    assert not (tmp_path / 'new').exists()


def test_shellcheck_finds_nothing():
    if shutil.which('shellcheck') is None:
        pytest.skip('shellcheck is not installed')
    done = subprocess.run(
        ['shellcheck', *(ROOT / name for name in ('run', '.ci/run', 'requirements/lock', 'test/with_ros_sources.sh'))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
