# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Back ends: what answers is used, what does not is replaced by the CPU, and somebody is told."""

import gc
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from grasp_decoder.bundle.bundle import load_bundle
from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
from grasp_decoder.bundle.export import edge_tpu_compiler as export_edge_tpu
from grasp_decoder.bundle.export.writing import write_bundle
from grasp_decoder.errors import GraspDecoderError

from helpers.bundle_samples import make_manifest, make_network, make_trials

TRIAL = make_trials(1)[0]

# What an external delegate must export (TensorFlow Lite's external_delegate_interface.h) and the part of its struct
# that an interpreter reads. It takes no operator, so that the CPU's kernels run the model behind it.
DELEGATE = r"""
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct delegate {
    void *data;
    int (*prepare)(void *context, struct delegate *delegate);
    void *copy_from_buffer, *copy_to_buffer, *free_buffer;
    int64_t flags;
    void *builder;
};

static int prepare(void *context, struct delegate *delegate) { return 0; }

struct delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                               void (*report_error)(const char *)) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(keys[i], "device") && strcmp(values[i], "usb:0")) {
            report_error("no such device");
            return NULL;
        }
    struct delegate *made = calloc(1, sizeof *made);
    made->prepare = prepare;
    return made;
}

void tflite_plugin_destroy_delegate(struct delegate *delegate) { free(delegate); }
"""

# Stands in for edgetpu_compiler, for its calling convention only: it copies its inputs to the names of its outputs.
COMPILER = """
    #!/bin/sh
    echo "$@" > "$3/arguments"
    out="$3"; shift 3
    for model; do cp "$model" "$out/$(basename "$model" .tflite)_edgetpu.tflite"; done
    echo "Edge TPU Compiler version of the test"
"""

# A back end as another package would plug it in: the CPU's engine, until it is told to fail.
PLUGGED = """
    import threading
    from grasp_decoder.bundle.engines.backends import open_cpu

    class Engine:
        description = 'plugged in'

        def __init__(self, model, mode):
            self._cpu, self._mode, self._left = open_cpu(model), mode, 12

        def run(self, inputs, outputs):
            self._left -= 1
            if self._left < 0 and self._mode == 'wedges':
                threading.Event().wait()
            if self._left < 0 and self._mode == 'fails':
                raise OSError('unplugged')
            self._cpu.run(inputs, outputs)

    def open_engine(model, device, threads):
        if device == 'absent':
            raise OSError('nothing there')
        return Engine(model, device)
"""


@pytest.fixture(scope='module')
def compiled(tmp_path_factory):
    """A bundle with models 'compiled' by a stand-in on the PATH."""
    folder = tmp_path_factory.mktemp('compiled')
    compiler = folder / 'bin' / export_edge_tpu.COMPILER
    compiler.parent.mkdir()
    compiler.write_text(textwrap.dedent(COMPILER).strip())
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PATH', f'{compiler.parent}{os.pathsep}{os.environ["PATH"]}')
        write_bundle(
            folder / 'sample',
            [make_network('phase'), make_network('object', 'window')],
            make_trials(),
            make_trials(),
            make_manifest(),
            edge_tpu=True,
        )
    return folder / 'sample'


@pytest.fixture(scope='module')
def delegate(tmp_path_factory):
    """A folder with a libedgetpu.so.1 that has only the device usb:0."""
    compiler = shutil.which('cc') or shutil.which('gcc')
    if compiler is None:
        pytest.skip('no C compiler to build a delegate with')
    folder = tmp_path_factory.mktemp('delegate')
    (folder / 'delegate.c').write_text(DELEGATE)
    subprocess.run([compiler, '-shared', '-fPIC', '-o', folder / 'libedgetpu.so.1', folder / 'delegate.c'], check=True)
    return folder


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """A package with an entry point, as pip would install it."""
    (tmp_path / 'plugged_backend.py').write_text(textwrap.dedent(PLUGGED))
    info = tmp_path / 'plugged_backend-1.0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: plugged-backend\nVersion: 1.0\n')
    (info / 'entry_points.txt').write_text('[grasp_decoder.backends]\nplugged = plugged_backend:open_engine\n')
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop('plugged_backend', None)


def opened(folder, **options):
    return BundleEngines(load_bundle(folder), EngineOptions(**options))


def decode(runner):
    return [answer for answer in map(runner.step, TRIAL.counts) if answer is not None]


@pytest.fixture(scope='module')
def asked(compiled, delegate):
    """What becomes of a task, by back end and device, in a process whose loader finds the delegate."""
    cases = [('auto', 'usb:0'), ('edgetpu', 'usb:0'), ('auto', 'usb:1'), ('edgetpu', 'usb:1')]
    program = textwrap.dedent(f"""
        import contextlib, io, json
        import numpy as np
        from grasp_decoder.bundle.bundle import load_bundle
        from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
        from grasp_decoder.errors import GraspDecoderError
        bundle, found = load_bundle({str(compiled)!r}), []
        for backend, device in {cases}:
            with contextlib.redirect_stderr(io.StringIO()) as said:
                try:
                    engines = BundleEngines(bundle, EngineOptions(backend=backend, device=device))
                    answer = engines.runner('phase').step(np.ones(bundle.manifest.unit_count, np.uint16))
                    found.append([engines.backends['phase'], engines.fault, answer.tolist(), said.getvalue()])
                except GraspDecoderError as error:
                    found.append(['refused', str(error), [], said.getvalue()])
        print(json.dumps(found))
    """)
    environment = os.environ | {'LD_LIBRARY_PATH': str(delegate), 'PYTHONPATH': os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True, env=environment)
    return dict(zip(cases, json.loads(run.stdout)))


def test_compiled_models_come_from_one_call_and_are_sealed(compiled):
    manifest = load_bundle(compiled).manifest
    assert (compiled / 'arguments').read_text().split()[:2] == ['--show_operations', '--out_dir']
    assert [os.path.basename(path) for path in (compiled / 'arguments').read_text().split()[3:]] == [
        'phase_int8.tflite',
        'object_int8.tflite',
    ]
    assert {'phase_int8_edgetpu.tflite', 'object_int8_edgetpu.tflite', export_edge_tpu.LOG} <= manifest.files.keys()


def test_a_failing_compiler_leaves_a_bundle_that_is_not_edge_ready(tmp_path, monkeypatch):
    compiler = tmp_path / export_edge_tpu.COMPILER
    compiler.write_text('#!/bin/sh\necho "Internal compiler error"\nexit 3\n')
    compiler.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')
    bundle = write_bundle(
        tmp_path / 'out',
        [make_network('object', 'window')],
        make_trials(),
        make_trials(),
        make_manifest(),
        edge_tpu=True,
    )
    assert not bundle.manifest.edge_ready
    assert 'exit status 3' in bundle.manifest.edge_issues[0] and 'made no object_int8' in bundle.manifest.edge_issues[1]
    assert 'Internal compiler error' in (tmp_path / 'out' / export_edge_tpu.LOG).read_text()


def test_a_missing_compiler_is_said_before_anything_is_exported(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(GraspDecoderError, match='edgetpu_compiler is not installed'):
        write_bundle(tmp_path / 'out', [], [], [], make_manifest(), edge_tpu=True)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('backend', ['auto', 'edgetpu'])
def test_an_edge_tpu_that_answers_is_used(compiled, asked, backend):
    place, fault, answer, _ = asked[backend, 'usb:0']
    expected = opened(compiled, backend='cpu').runner('phase').step(np.ones(24, np.uint16))
    assert place.startswith('edgetpu') and place.endswith('usb:0)') and fault is None
    np.testing.assert_allclose(answer, expected, atol=0.02)


def test_auto_takes_the_cpu_and_says_so(asked):
    place, fault, _, said = asked['auto', 'usb:1']
    assert place.startswith('cpu')
    assert 'no Edge TPU answers on usb:1' in fault and 'no such device' in fault
    assert 'decoding on the CPU' in said


def test_edge_tpu_without_one_is_an_error(asked):
    place, message, _, _ = asked['edgetpu', 'usb:1']
    assert place == 'refused' and 'no Edge TPU answers on usb:1' in message


@pytest.mark.parametrize(
    'arguments, message',
    [
        ({'backend': 'abacus'}, "no back end 'abacus'; use one of auto, cpu, edgetpu"),
        ({'backend': 'edgetpu', 'device': 'usb;rm'}, 'does not name an Edge TPU'),
        ({'precision': 'double'}, "no precision 'double'"),
        ({'precision': 'float', 'backend': 'edgetpu'}, 'runs on the CPU only'),
    ],
)
def test_what_cannot_be_opened_is_refused(compiled, arguments, message):
    with pytest.raises(GraspDecoderError, match=message):
        opened(compiled, **arguments)


def test_a_task_that_the_bundle_has_not_is_refused(compiled):
    with pytest.raises(GraspDecoderError, match="has no task 'dof', only phase, object"):
        opened(compiled, backend='cpu').runner('dof')


def test_a_bundle_without_compiled_models_is_no_use_to_an_edge_tpu(sample_bundle):
    with pytest.raises(GraspDecoderError, match='no phase model compiled for the Edge TPU'):
        opened(sample_bundle, backend='edgetpu')


def test_a_plugged_in_back_end_runs_by_its_name(compiled, plugged):
    engines = opened(compiled, backend='plugged', device='works')
    assert engines.backends == {'phase': 'plugged in', 'object': 'plugged in'}
    expected = decode(opened(compiled, backend='cpu').runner('phase'))
    np.testing.assert_array_equal(decode(engines.runner('phase')), expected)


def test_a_plugged_in_back_end_that_does_not_open_is_an_error(compiled, plugged):
    with pytest.raises(GraspDecoderError, match='plugged failed: nothing there'):
        opened(compiled, backend='plugged', device='absent')


@pytest.mark.parametrize(
    'mode, message', [('wedges', 'plugged did not answer within 20 ms'), ('fails', 'plugged failed: unplugged')]
)
def test_a_device_lost_while_running_hands_over_to_the_cpu_within_the_bin(compiled, plugged, caplog, mode, message):
    reference = opened(compiled, backend='cpu')
    engines = opened(compiled, backend='plugged', device=mode)
    with caplog.at_level(logging.WARNING):
        for task in ('phase', 'object'):
            np.testing.assert_array_equal(decode(engines.runner(task)), decode(reference.runner(task)))
            assert engines.backends[task].startswith('cpu')
    assert engines.fault == message
    assert [record.getMessage() for record in caplog.records] == [f'{message}; decoding continues on the CPU']


@pytest.mark.parametrize('mode', ['works', 'fails'])
def test_engines_that_are_let_go_let_go_of_the_device(compiled, plugged, mode):
    before = set(threading.enumerate())
    engines = opened(compiled, backend='plugged', device=mode)
    runner = engines.runner('phase')
    assert len(set(threading.enumerate()) - before) == 1
    decode(runner)
    del engines, runner
    gc.collect()
    for worker in set(threading.enumerate()) - before:
        worker.join(10)
        assert not worker.is_alive()


def test_the_decoders_process_is_small_and_free_of_tensorflow(compiled):
    program = textwrap.dedent(f"""
        import json, re, sys
        import numpy as np
        import grasp_decoder.decoding.streaming
        from grasp_decoder.bundle.bundle import load_bundle
        from grasp_decoder.bundle.engines.bundle_engines import BundleEngines, EngineOptions
        bundle = load_bundle({str(compiled)!r})
        engines = BundleEngines(bundle, EngineOptions(backend='cpu'))
        for task in bundle.manifest.tasks:
            runner = engines.runner(task)
            for _ in range(10):
                runner.step(np.ones(bundle.manifest.unit_count, np.uint16))
        unwanted = {{'tensorflow', 'keras', 'sklearn', 'scipy', 'matplotlib', 'neo'}} & sys.modules.keys()
        peak_kb = int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()).group(1))
        print(json.dumps([sorted(unwanted), peak_kb / 1024]))
    """)
    run = subprocess.run(
        [sys.executable, '-c', program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    unwanted, peak_mb = json.loads(run.stdout)
    assert unwanted == []
    assert peak_mb <= 200
