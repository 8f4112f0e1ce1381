# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Installs Gazebo Classic 11 into a folder of the user's cache, without root, and without a change outside the folder.

The packages are those of Debian 11 that ``packages.lock`` lists. apt-get fetches them from a Debian mirror with a
configuration of its own; every file is checked against the lock before it is unpacked. For users: ``docs/gazebo.md``.

``python -m grasp_decoder.hand.gazebo.install`` installs it and prints the folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import cache_directory

MIRROR_VARIABLE = 'GRASP_DECODER_DEBIAN_MIRROR'
DEBIANS_OWN = 'http://deb.debian.org/debian'
APT_FOLDER = Path('/etc/apt')
LOCK_FILE = Path(__file__).with_name('packages.lock')

_LIBRARY_FOLDERS = (
    'usr/lib/x86_64-linux-gnu',
    'usr/lib/x86_64-linux-gnu/blas',
    'usr/lib/x86_64-linux-gnu/lapack',
    'usr/lib/x86_64-linux-gnu/pulseaudio',
    'usr/lib',
    'lib/x86_64-linux-gnu',
)


@dataclass(frozen=True)
class LockedPackage:
    """One line of ``packages.lock``."""

    name: str
    version: str
    sha256: str


def gazebo_environment() -> dict[str, str]:
    """Return the environment variables for gzserver; install Gazebo first where it is missing.

    Raises:
        GraspDecoderError: it cannot be installed.
    """
    prefix = install_gazebo()
    libraries = [str(prefix / folder) for folder in _LIBRARY_FOLDERS]
    return os.environ | {
        'PATH': f'{prefix / "usr/bin"}:{os.environ.get("PATH", os.defpath)}',
        'LD_LIBRARY_PATH': ':'.join(libraries),
        'GAZEBO_RESOURCE_PATH': str(prefix / 'usr/share/gazebo-11'),
        'GAZEBO_PLUGIN_PATH': '',
        'GAZEBO_MODEL_PATH': '',
        'GAZEBO_MODEL_DATABASE_URI': '',
        'SDF_PATH': str(prefix / 'usr/share/sdformat9/1.7'),
        'GAZEBO_IP': '127.0.0.1',
        'IGN_IP': '127.0.0.1',
    }


def install_gazebo() -> Path:
    """Return the folder with Gazebo; fetch and unpack the packages of the lock first where that was not done yet.

    It waits for another process that installs at the same time. The folder appears when all packages are unpacked.

    Raises:
        GraspDecoderError: it cannot be installed.
    """
    prefix = _prefix()
    if prefix.is_dir():
        return prefix
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with open(prefix.parent / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prefix.is_dir():
            with tempfile.TemporaryDirectory(dir=prefix.parent, prefix='unfinished_') as scratch:
                _install(Path(scratch), locked_packages())
                os.rename(Path(scratch, 'prefix'), prefix)
    return prefix


def locked_packages() -> list[LockedPackage]:
    """Read ``packages.lock``."""
    lines = LOCK_FILE.read_text(encoding='utf-8').splitlines()
    return [LockedPackage(*line.split()) for line in lines if line and not line.startswith('#')]


def debian_mirror() -> str:
    """The environment variable's, else the one in this machine's apt sources, else Debian's own, as on Ubuntu."""
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        return named
    for file in (APT_FOLDER / 'sources.list', *sorted(APT_FOLDER.glob('sources.list.d/*'))):
        if file.is_file():
            found = re.search(r'^(?:deb|URIs:)[^#\n]*?(https?://\S+/debian)/?\s', file.read_text(), re.MULTILINE)
            if found:
                return found[1]
    return DEBIANS_OWN


def _prefix() -> Path:
    return cache_directory() / 'gazebo' / hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()[:16]


def _install(scratch: Path, packages: list[LockedPackage]) -> None:
    for tool in ('apt-get', 'dpkg-deb'):
        if not shutil.which(tool):
            raise GraspDecoderError(f'Gazebo: {tool} is missing: it can be installed on Debian and Ubuntu only')
    _say('installing Gazebo 11 (once, about a minute)')
    environment = os.environ | {'APT_CONFIG': str(_apt_configuration(scratch))}
    _run(['apt-get', 'update'], scratch, environment)
    _say(f'fetching {len(packages)} packages')
    _run(['apt-get', 'download', *(f'{package.name}={package.version}' for package in packages)], scratch, environment)
    files = _verified_files(scratch, packages)
    _say('unpacking')
    for file in files:
        _run(['dpkg-deb', '-x', str(file), 'prefix'], scratch, environment)


def _apt_configuration(scratch: Path) -> Path:
    """Write a configuration with Debian 11 as apt's only source and the proxies of this machine.

    Signatures are not checked: the lock's hashes are, later.
    """
    for folder in ('etc', 'state/lists/partial', 'cache/archives/partial'):
        (scratch / folder).mkdir(parents=True)
    (scratch / 'status').touch()
    (scratch / 'etc/sources.list').write_text(f'deb [trusted=yes] {debian_mirror()} bullseye main\n')
    machine = _run(['apt-config', 'dump', 'Acquire::http', 'Acquire::https'], scratch, dict(os.environ))
    settings = {
        'Dir::Etc': scratch / 'etc',
        'Dir::Etc::Parts': scratch / 'etc',
        'Dir::State': scratch / 'state',
        'Dir::State::status': scratch / 'status',
        'Dir::Cache': scratch / 'cache',
        'APT::Architecture': 'amd64',
        'APT::Architectures': 'amd64',
        'APT::Sandbox::User': 'root',
        'Acquire::Languages': 'none',
        'Acquire::Check-Valid-Until': 'false',
        'Acquire::Retries': 3,
    }
    configuration = scratch / 'apt.conf'
    configuration.write_text(machine + ''.join(f'{name} "{value}";\n' for name, value in settings.items()))
    return configuration


def _verified_files(folder: Path, packages: list[LockedPackage]) -> list[Path]:
    found = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in folder.glob('*.deb')}
    for package in packages:
        if package.sha256 not in found:
            raise GraspDecoderError(
                f'Gazebo: {package.name} {package.version} from {debian_mirror()} is not what packages.lock says: '
                f'nothing was installed; try another mirror ({MIRROR_VARIABLE})'
            )
    return [found[package.sha256] for package in packages]


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if finished.returncode:
        last = (finished.stderr.strip() or finished.stdout.strip() or 'no message').splitlines()[-1]
        raise GraspDecoderError(f'Gazebo: {" ".join(command[:2])} failed: {last}')
    return finished.stdout


def _say(text: str) -> None:
    print(f'gazebo: {text}', file=sys.stderr, flush=True)


if __name__ == '__main__':
    print(install_gazebo())
