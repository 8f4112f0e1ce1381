# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""The Edge TPU part of a report: operators that map, memory, parity of int8 and float."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from grasp_decoder.bundle.bundle import Bundle
from grasp_decoder.bundle.edge_tpu import check_model


def edge_report(bundle: Bundle) -> dict[str, Any]:
    """What an Edge TPU makes of a bundle, as plain data.

    Returns:
        ``ready``, ``issues`` (one line each) and ``tasks``: for each task ``operators`` (name -> count), ``on_cpu``,
        ``memory_kib`` and ``parity``.
    """
    tasks = {}
    for name, task in bundle.manifest.tasks.items():
        file = task.models['int8'].file
        check = check_model(bundle.models[file], file)
        tasks[name] = {
            'operators': dict(sorted(Counter(operator.name for operator in check.operators).items())),
            'on_cpu': [str(operator) for operator in check.on_cpu],
            'memory_kib': round((check.parameter_bytes + check.activation_bytes) / 1024),
            'parity': asdict(task.parity) if task.parity else None,
        }
    return {'ready': bundle.manifest.edge_ready, 'issues': list(bundle.manifest.edge_issues), 'tasks': tasks}
