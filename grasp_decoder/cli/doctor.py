# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""doctor: list what this machine has for grasp_decoder, and what is missing."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.util
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import grasp_decoder
from grasp_decoder.bundle.engines.backends import EDGE_TPU_LIBRARY, INTERPRETERS
from grasp_decoder.cli.command_line import exit_status
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.share import cache_directory
from grasp_decoder.system.demo_files import ready_bundle
from grasp_decoder.system.network import ros_domain
from grasp_decoder.system.processes import executable_path
from grasp_decoder.system.shared_memory import left_behind

OK, NOTE, PROBLEM = 'ok', 'note', 'problem'

SUPPORTED_PYTHONS = ((3, 11), (3, 12), (3, 13))
CORE_PACKAGES = ('numpy', 'scipy', 'neo', 'scikit-learn')
TRAINING_PACKAGES = ('tensorflow-cpu', 'keras', 'keras-tuner')
# As a stick is seen before and after its firmware is loaded.
EDGE_TPU_USB_IDS = ('1a6e:089a', '18d1:9302')
# A participant of domain D listens on 7400 + 250 D + 10 or above (DDSI-RTPS, 9.6.2.3).
DDS_FIRST_PORT = 7410
DDS_PORTS_PER_DOMAIN = 250
GAZEBO_PORT = 11345
ENOUGH_DISK_GB = 4


@dataclass(frozen=True)
class Finding:
    state: str
    subject: str
    text: str


def main(argv=None) -> int:
    return exit_status(_doctor, argv)


def _doctor(argv) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args(argv)
    findings = list(examine())
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        print(f'{finding.state:8}{finding.subject:{width + 2}}{finding.text}')
    problems = sum(finding.state == PROBLEM for finding in findings)
    print(f'doctor: {problems} problem{"" if problems == 1 else "s"}')
    return 1 if problems else 0


def examine() -> Iterator[Finding]:
    """Look at everything, the essential first."""
    yield Finding(OK, 'grasp_decoder', f'{grasp_decoder.__version__} in {Path(grasp_decoder.__file__).parent}')
    yield _python()
    yield _packages('packages', CORE_PACKAGES, PROBLEM, 'nothing can be read or decoded')
    yield _packages('training', TRAINING_PACKAGES, NOTE, 'train and demo --train need it; ./run installs it')
    yield _interpreter()
    yield _packages('MuJoCo', ('mujoco',), NOTE, '--hand mujoco needs it')
    yield _pictures()
    yield _ros()
    yield _messages()
    yield _demo()
    yield _edge_tpu_library()
    yield _edge_tpu_device()
    yield _domain()
    yield _gazebo_port()
    yield _load()
    yield _shared_memory()
    yield _cache()
    yield _disk()


def _python() -> Finding:
    state = OK if sys.version_info[:2] in SUPPORTED_PYTHONS else PROBLEM
    return Finding(state, 'Python', f'{platform.python_version()} at {sys.executable}')


def _packages(subject: str, names: tuple[str, ...], otherwise: str, consequence: str) -> Finding:
    versions, missing = [], []
    for name in names:
        try:
            versions.append(f'{name} {metadata.version(name)}')
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(otherwise, subject, f'{", ".join(missing)} not installed: {consequence}')
    return Finding(OK, subject, ', '.join(versions))


def _interpreter() -> Finding:
    for name, _ in INTERPRETERS:
        try:
            return Finding(OK, 'back end', f'cpu ({name} {metadata.version(name)})')
        except metadata.PackageNotFoundError:
            continue
    return Finding(PROBLEM, 'back end', 'no TFLite interpreter: install ai-edge-litert')


def _pictures() -> Finding:
    # In a process of its own: a broken OpenGL can take a process down.
    program = 'from grasp_decoder.hand.pictures.drawing import Drawing\nwith Drawing(None, (64, 64)): pass'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    if done.returncode == 0:
        return Finding(OK, 'pictures', 'OpenGL draws')
    *_, reason = done.stderr.strip().splitlines() or [f'drawing ended with status {done.returncode}']
    return Finding(NOTE, 'pictures', f'{reason.partition("GraspDecoderError: ")[2] or reason} (docs/hand.md)')


def _ros() -> Finding:
    spec = importlib.util.find_spec('rclpy')
    if spec is None:
        return Finding(
            NOTE, 'ROS 2', 'not found: train and evaluate work, nodes do not; start through ./run, or source Jazzy'
        )
    distro = os.environ.get('ROS_DISTRO')
    if distro is None:
        return Finding(OK, 'ROS 2', f'Jazzy from wheels (rclpy {metadata.version("ros-rclpy")}) in {sys.prefix}')
    state = OK if distro == 'jazzy' else PROBLEM
    return Finding(state, 'ROS 2', f'{distro}, sourced, rclpy in {Path(spec.origin).parent}')


def _messages() -> Finding:
    if importlib.util.find_spec('grasp_decoder.msg') is None:
        return Finding(NOTE, 'messages', 'not built: nodes do not start; ./run builds them')
    try:
        return Finding(OK, 'messages', f'built, executables in {executable_path("decoder").parent}')
    except GraspDecoderError as error:
        return Finding(NOTE, 'messages', str(error))


def _demo() -> Finding:
    bundle = ready_bundle()
    if bundle.exists():
        return Finding(OK, 'demo', f'decodes with {bundle}')
    return Finding(NOTE, 'demo', f'no {bundle}: only ./run demo --train works, which trains for a minute')


def _edge_tpu_library() -> Finding:
    try:
        ctypes.CDLL(EDGE_TPU_LIBRARY)
    except OSError:
        return Finding(NOTE, 'Edge TPU', f'no {EDGE_TPU_LIBRARY}: models run on the CPU (docs/coral.md)')
    return Finding(OK, 'Edge TPU', f'{EDGE_TPU_LIBRARY} loads')


def _edge_tpu_device() -> Finding:
    devices = [str(path) for path in Path('/dev').glob('apex_*')]
    for folder in Path('/sys/bus/usb/devices').glob('*'):
        try:
            identity = f'{(folder / "idVendor").read_text().strip()}:{(folder / "idProduct").read_text().strip()}'
        except OSError:
            continue
        if identity in EDGE_TPU_USB_IDS:
            devices.append(f'USB {folder.name}')
    if devices:
        return Finding(OK, 'Edge TPU', 'found ' + ', '.join(devices))
    return Finding(NOTE, 'Edge TPU', 'no device: models run on the CPU')


def _domain() -> Finding:
    domain = ros_domain()
    if not domain.isdecimal() or int(domain) > 232:
        return Finding(PROBLEM, 'ROS domain', f'ROS_DOMAIN_ID is {domain!r}: it must be a number from 0 to 232')
    port = DDS_FIRST_PORT + DDS_PORTS_PER_DOMAIN * int(domain)
    if _free(socket.SOCK_DGRAM, port):
        return Finding(OK, 'ROS domain', f'{domain} is free (UDP {port})')
    return Finding(NOTE, 'ROS domain', f'{domain} is in use by another process (UDP {port}): set another ROS_DOMAIN_ID')


def _gazebo_port() -> Finding:
    if _free(socket.SOCK_STREAM, GAZEBO_PORT):
        return Finding(OK, 'Gazebo port', f'TCP {GAZEBO_PORT} is free')
    return Finding(NOTE, 'Gazebo port', f'TCP {GAZEBO_PORT} is in use: another gzserver may be running')


def _free(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(('', port))
        except OSError:
            return False
    return True


def _load() -> Finding:
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load < cores:
        return Finding(OK, 'load', f'{load:.1f} on {cores} cores')
    return Finding(
        NOTE, 'load', f'{load:.1f} on {cores} cores: a busy machine decodes late, and the hand misses its time'
    )


def _cache() -> Finding:
    folder = cache_directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Finding(OK, 'cache', str(folder))
    except OSError as error:
        return Finding(
            PROBLEM,
            'cache',
            f'{folder} cannot be written to ({error.strerror}): set XDG_CACHE_HOME to a folder of yours',
        )


def _shared_memory() -> Finding:
    left = left_behind()
    if not left:
        return Finding(OK, 'shared memory', 'none left by nodes that were killed')
    size = 0
    for path in left:
        with contextlib.suppress(FileNotFoundError):  # somebody cleans
            size += path.stat().st_size
    tool = Path(shutil.which('fastdds') or '')
    # The wheel for Python 3.13 has the command without its program.
    whole = (tool.parent.parent / 'tools' / 'fastdds').is_dir()
    remedy = f'{shlex.quote(str(tool))} shm clean' if whole else 'when no node runs, rm /dev/shm/*fastrtps*'
    return Finding(
        NOTE,
        'shared memory',
        f'{size / 1e6:.1f} MB in {len(left)} segments of nodes that were killed: {remedy} removes it',
    )


def _disk() -> Finding:
    place = next(folder for folder in (Path.home(), *Path.home().parents) if folder.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    state = OK if free_gb >= ENOUGH_DISK_GB else NOTE
    return Finding(
        state, 'disk', f'{free_gb:.0f} GB free at {place}; set-up and a large session take {ENOUGH_DISK_GB} GB'
    )
