"""Message classes of Gazebo and Ignition, made from the .proto files of this folder."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from grasp_decoder.errors import GraspDecoderError

_PROTO_FILES = ('gazebo_msgs.proto', 'ignition_msgs.proto')


def _compile() -> dict[str, type]:
    with as_file(files(__package__)) as folder, TemporaryDirectory() as scratch:
        compiled = Path(scratch, 'messages.pb')
        status = protoc.main(['protoc', f'--proto_path={folder}', f'--descriptor_set_out={compiled}', *_PROTO_FILES])
        if status:
            raise GraspDecoderError(f'{folder}: protoc ended with status {status} on {", ".join(_PROTO_FILES)}')
        description = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())
    return message_factory.GetMessages(description.file, descriptor_pool.DescriptorPool())


_CLASSES = _compile()


def message_class(name: str) -> type:
    """Return the class of a message by its full name, as ``gazebo.msgs.Pose``."""
    return _CLASSES[name]
