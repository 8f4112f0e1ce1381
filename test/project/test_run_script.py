"""The script `run`: what it says to a newcomer."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ('bash', 'cat', 'cut', 'dirname', 'env', 'flock', 'readlink', 'sha256sum')


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


@pytest.mark.skipif(not (ROOT / '.venv').exists(), reason='./run has not set this checkout up')
def test_unknown_command_is_one_line():
    done = run('dance')
    assert done.returncode == 2
    # Before it ./run may say that it builds what has changed.
    assert done.stderr.splitlines()[-1] == "run: no command 'dance': ./run help lists them"


def test_missing_python_is_one_line(bare_machine):
    script, _, environment = bare_machine
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'install python3' in done.stderr
    assert not (script.parent / '.venv').exists()


@pytest.mark.parametrize('missing, package', [('g++', 'g++'), ('cmake', 'cmake')])
def test_missing_build_tool_is_one_line(bare_machine, missing, package):
    script, tools, environment = bare_machine
    for tool in {'python3', 'g++', 'cmake', 'make'} - {missing}:
        if shutil.which(tool) is None:
            pytest.skip(f'{tool} is not installed')
        (tools / tool).symlink_to(shutil.which(tool))
    done = run('doctor', script=script, env=environment)
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and f'install {package}' in done.stderr


def test_another_ros_distribution_is_refused(bare_machine):
    script, _, environment = bare_machine
    done = run('doctor', script=script, env={**environment, 'ROS_DISTRO': 'humble'})
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'humble' in done.stderr and 'Jazzy' in done.stderr


def test_shellcheck_finds_nothing():
    if shutil.which('shellcheck') is None:
        pytest.skip('shellcheck is not installed')
    done = subprocess.run(['shellcheck', ROOT / 'run', ROOT / '.ci' / 'run'], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
