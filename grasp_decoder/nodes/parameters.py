"""Parameters declared once: a frozen dataclass holds name, type, default, range and description of each.

The dataclass needs no ROS: it may live beside the logic that it sets up, with fields made by
``dataclasses.field(default=..., metadata={'description': ..., 'low': ..., 'high': ..., 'choices': ...})``, or by
`parameter` here. `declare` declares the fields as ROS parameters and gives the dataclass filled with their values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, field, fields, replace
from typing import TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from grasp_decoder.errors import GraspDecoderError

Settings = TypeVar('Settings')


def parameter(default, description: str, low=None, high=None, choices: tuple[str, ...] = (), dynamic: bool = False):
    """A dataclass field that `declare` knows how to declare; a tuple as default is an array of its element's type.

    Only a ``dynamic`` one can be set while the node runs.
    """
    metadata = {'description': description, 'choices': choices, 'dynamic': dynamic}
    if low is not None:
        metadata.update(low=low, high=high)
    return field(default=default, metadata=metadata)


def declare(node: Node, settings: type[Settings], change: Callable[[Settings], None] | None = None) -> Settings:
    """Declare every field of the dataclass ``settings`` on ``node`` and give it filled.

    Parameters are read only unless they are dynamic: what a node is set up with does not change under it.

    Args:
        change: takes the new settings when a dynamic parameter is set; a `GraspDecoderError` refuses them.

    Raises:
        GraspDecoderError: a value of the wrong type or outside its range.

    """
    values = {}
    for spec in fields(settings):
        default = spec.default if spec.default is not MISSING else spec.default_factory()
        array = isinstance(default, tuple)
        try:
            value = node.declare_parameter(
                spec.name, list(default) if array else default, _descriptor(spec, default)
            ).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise GraspDecoderError(
                f'{node.get_name()}: parameter {spec.name}: {_allowed(spec, default)}; {str(error).splitlines()[0]}'
            ) from error
        choices = spec.metadata.get('choices')
        if choices and value not in choices:
            raise GraspDecoderError(f'{node.get_name()}: parameter {spec.name} is {value!r}: {_allowed(spec, default)}')
        values[spec.name] = tuple(value) if array else value
    filled = settings(**values)
    if change is not None:
        _listen(node, filled, change)
    return filled


def _listen(node: Node, settings: Settings, change: Callable[[Settings], None]) -> None:
    names = {spec.name for spec in fields(settings)}

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        nonlocal settings
        own = {each.name: each.value for each in parameters if each.name in names}
        try:
            wanted = replace(settings, **own)
            if own:
                change(wanted)
        except GraspDecoderError as error:
            return SetParametersResult(successful=False, reason=str(error))
        settings = wanted
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)


def _descriptor(spec, default) -> ParameterDescriptor:
    # An empty list has no type of its own, so lists are checked by what uses them.
    descriptor = ParameterDescriptor(
        description=spec.metadata['description'],
        read_only=not spec.metadata.get('dynamic'),
        dynamic_typing=isinstance(default, tuple),
    )
    if spec.metadata.get('choices'):
        descriptor.additional_constraints = 'one of ' + ', '.join(spec.metadata['choices'])
    if 'low' in spec.metadata:
        low, high = spec.metadata['low'], spec.metadata['high']
        if isinstance(default, float):
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
        else:
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor


def _allowed(spec, default) -> str:
    if spec.metadata.get('choices'):
        return 'it must be one of ' + ', '.join(spec.metadata['choices'])
    kind = {float: 'a decimal number', int: 'a whole number', bool: 'true or false', str: 'text', tuple: 'a list'}[
        type(default)
    ]
    if 'low' in spec.metadata:
        return f'it must be {kind} from {spec.metadata["low"]} to {spec.metadata["high"]}'
    return f'it must be {kind}'
