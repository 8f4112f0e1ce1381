# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Settings as ROS parameters: `declare` declares the fields of a dataclass of settings and fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.system.given_parameters import refuse_undeclared
from grasp_decoder.system.node_settings import NODE_SETTINGS
from grasp_decoder.types.setting import Declaration, Settings, declarations

Filled = TypeVar('Filled', bound=Settings)


def declare(
    node: Node,
    settings: type[Filled],
    change: Callable[[Filled], None] | None = None,
    configured: Callable[[], bool] | None = None,
) -> Filled:
    """Declare every field of ``settings`` on ``node``, and return the dataclass filled with the parameters' values.

    Parameters are read-only unless they are dynamic, or a lifecycle node reads them when it is configured: a node keeps
    the values that were checked. A parameter that was given and that no settings of the node have is refused.

    Args:
        node: has the values that were given on its command line.
        settings: the dataclass.
        change: takes the new settings when a parameter is set; a `GraspDecoderError` refuses them.
        configured: whether a lifecycle node, which reads these settings when it is configured, is so; None: they are
            read at the start.

    Raises:
        GraspDecoderError: an unknown parameter; a value of the wrong type, outside its range or not among the choices.
    """
    _refuse_unknown(node)
    values = {}
    for each in declarations(settings):
        try:
            descriptor = _descriptor(each, read_only=configured is None and not each.dynamic)
            values[each.name] = node.declare_parameter(each.name, each.default, descriptor).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise GraspDecoderError(
                f'{node.get_name()}: parameter {each.name}: it must be {each.allowed()}; {str(error).splitlines()[0]}'
            ) from error
    try:
        filled = settings(**values)
    except GraspDecoderError as error:
        raise GraspDecoderError(f'{node.get_name()}: {error}') from error
    if change is not None:
        _listen(node, filled, change, configured)
    return filled


def _refuse_unknown(node: Node) -> None:
    """Refuse parameters that a node of this package was given and does not declare; ROS would ignore them.

    Raises:
        GraspDecoderError: there is one.
    """
    kind = type(node).__module__.rpartition('.')[2]  # a module for each node, whatever name the node runs under
    if kind in NODE_SETTINGS:
        refuse_undeclared(kind, node._parameter_overrides)  # rclpy has no public name for them


def _listen(
    node: Node, settings: Filled, change: Callable[[Filled], None], configured: Callable[[], bool] | None
) -> None:
    declared = {each.name: each for each in declarations(type(settings))}

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        nonlocal settings
        own = {each.name: each.value for each in parameters if each.name in declared}
        try:
            fixed = [name for name in own if not declared[name].dynamic]
            if fixed and configured is not None and configured():
                raise GraspDecoderError(f'{fixed[0]} can be set while the node is not configured')
            wanted = replace(settings, **own)
            if own:
                change(wanted)
        except GraspDecoderError as error:
            return SetParametersResult(successful=False, reason=str(error))
        settings = wanted
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)


def _descriptor(declaration: Declaration, read_only: bool) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=declaration.meaning(), read_only=read_only)
    if declaration.choices:
        descriptor.additional_constraints = declaration.allowed()
    low, high = declaration.low, declaration.high
    if low is not None:
        if isinstance(declaration.default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        else:
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor
