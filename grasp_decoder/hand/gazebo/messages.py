"""Message classes of Gazebo and Ignition, made from the .proto files of this folder."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from grasp_decoder.errors import GraspDecoderError

_PROTO_FILES = ('gazebo_msgs.proto', 'ignition_msgs.proto')


def _compile() -> dict[str, type]:
    with as_file(files(__package__)) as folder, TemporaryDirectory() as scratch:
        compiled = Path(scratch, 'messages.pb')
        # In a process of its own: in one that has loaded TensorFlow, the compiler finds another protobuf and crashes.
        protoc = subprocess.run(
            [
                sys.executable,
                '-m',
                'grpc_tools.protoc',
                f'--proto_path={folder}',
                f'--descriptor_set_out={compiled}',
                *_PROTO_FILES,
            ],
            capture_output=True,
            text=True,
        )
        if protoc.returncode:
            raise GraspDecoderError(f'{folder}: protoc ended with status {protoc.returncode}: {protoc.stderr.strip()}')
        description = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())
    return message_factory.GetMessages(description.file, descriptor_pool.DescriptorPool())


_CLASSES = _compile()


def message_class(name: str) -> type:
    """Return the class of a message by its full name, as ``gazebo.msgs.Pose``."""
    return _CLASSES[name]
