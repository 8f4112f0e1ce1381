# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The suite itself: which plugins of pytest it takes, and what may be skipped."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TEST = Path(__file__).resolve().parents[1]


def run_pytest(folder, *arguments, **environment):
    command = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--basetemp', folder / 'tmp', *arguments]
    return subprocess.run(command, cwd=TEST.parent, env={**os.environ, **environment}, capture_output=True, text=True)


def test_a_plugin_of_a_sourced_ros_2_does_not_matter(tmp_path):
    """That of launch_testing has hooks that a newer pytest does not know."""
    (tmp_path / 'old_plugin.py').write_text('def pytest_launch_hook_of_yesterday():\n    raise AssertionError\n')
    installed = tmp_path / 'old_plugin-1.dist-info'
    installed.mkdir()
    (installed / 'METADATA').write_text('Metadata-Version: 2.1\nName: old-plugin\nVersion: 1\n')
    (installed / 'entry_points.txt').write_text('[pytest11]\nlaunch_testing = old_plugin\n')
    path = f'{tmp_path}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    done = run_pytest(tmp_path, 'test/evidence', PYTHONPATH=path)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = run_pytest(tmp_path, 'test/evidence', '-p', 'old_plugin', PYTHONPATH=path)
    assert kept.returncode != 0 and 'pytest_launch_hook_of_yesterday' in kept.stdout + kept.stderr


def test_a_skip_that_is_not_on_the_list_or_a_file_left_behind_fails_the_run(tmp_path):
    (tmp_path / 'conftest.py').write_text((TEST / 'conftest.py').read_text())
    (tmp_path / 'allowed_skips.txt').write_text('# known\nonly .* may do this\n')
    (tmp_path / 'test_some.py').write_text(
        'import pytest, tempfile\n\n\n'
        'def test_known():\n    pytest.skip("only root may do this")\n\n\n'
        'def test_new():\n    pytest.skip("no such thing")\n\n\n'
        'def test_untidy():\n    tempfile.mkdtemp(prefix="forgotten_")\n'
    )
    given = tmp_path, '--rootdir', tmp_path, tmp_path / 'test_some.py'
    # without pyproject.toml a sourced ROS 2 brings its plugins
    run = functools.partial(run_pytest, *given, PYTEST_DISABLE_PLUGIN_AUTOLOAD='1')
    allowed = run('-k', 'known')
    assert allowed.returncode == 0, allowed.stdout
    done = run('-k', 'known or new')
    assert done.returncode == 1
    assert 'test_new: no such thing' in done.stdout and 'test_known:' not in done.stdout
    untidy = run('-k', 'untidy')
    assert untidy.returncode == 1 and 'forgotten_' in untidy.stdout
    assert run('-m', 'slow').returncode == 0  # none is, as in some folders of `colcon test`
    assert run('-k', 'mistyped').returncode == 5
