# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The command grasp-decoder: it names the command lines, and runs them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from grasp_decoder.__main__ import COMMANDS, main
from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.cli import demo
from grasp_decoder.recording.synthetic import synthesize
from grasp_decoder.recording.writing import write_session
from grasp_decoder.system.demo_files import demo_session, ready_bundle

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_line_is_a_command():
    modules = (ROOT / 'grasp_decoder' / 'cli').glob('*.py')
    assert sorted(COMMANDS) == sorted(path.stem for path in modules if '\ndef main(' in path.read_text())


def test_help_has_a_line_for_each_command_and_imports_none():
    program = (
        'import sys; from grasp_decoder.__main__ import main\n'
        'try: main(["--help"])\n'
        'finally: print(sorted(name for name in sys.modules if name.startswith("grasp_decoder.cli.")))'
    )
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    *lines, imported = done.stdout.splitlines()
    assert imported == '[]'
    summaries = dict(line.split(maxsplit=1) for line in lines[lines.index('commands:') + 1 :])
    assert list(summaries) == list(COMMANDS)


@pytest.mark.parametrize('command', COMMANDS)
def test_usage_names_the_command_as_it_is_typed(command, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['python'])
    with pytest.raises(SystemExit) as end:
        main([command, '--help'])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f'usage: grasp-decoder {command} ')


def test_arguments_and_exit_status_are_those_of_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['python'])
    assert main(['inspect', str(tmp_path / 'missing.mat')]) == 2
    assert capsys.readouterr().err == f'error: {tmp_path / "missing.mat"}: no such file\n'


@pytest.mark.parametrize('arguments, problem', [([], 'required: COMMAND'), (['dance'], "invalid choice: 'dance'")])
def test_a_wrong_command_is_refused(arguments, problem, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert problem in capsys.readouterr().err


def run_without_training(*arguments) -> subprocess.CompletedProcess[str]:
    """As where only the run layer of requirements/ is installed."""
    program = (
        'import sys; sys.modules.update(tensorflow=None, keras=None, keras_tuner=None)\n'
        'from grasp_decoder.__main__ import main; sys.exit(main(sys.argv[1:]))'
    )
    return subprocess.run([sys.executable, '-c', program, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_training_without_tensorflow_is_one_line(tmp_path):
    session = tmp_path / 'session.neo.mat'
    write_session(synthesize(units=8, trials=16)[0], session)
    done = run_without_training('train', '--session', session, '--out', tmp_path / 'bundle')
    assert done.returncode == 2
    assert re.fullmatch(r'error: training needs (tensorflow|keras), .* pip install .*\n', done.stderr)


@pytest.mark.slow
def test_adapting_needs_no_tensorflow(tmp_path):
    done = run_without_training('adapt', ready_bundle(), '--session', demo_session(), '--out', tmp_path / 'bundle')
    assert (done.returncode, load_bundle(tmp_path / 'bundle').manifest.edge_ready) == (0, True), done.stderr


def test_the_demo_misses_ros_before_it_trains(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert demo.main(['--train', '--out', str(tmp_path / 'demo')]) == 2
    assert 'start through ./run' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
