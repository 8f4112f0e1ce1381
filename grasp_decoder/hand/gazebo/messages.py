# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Messages of Gazebo Classic 11 and of Ignition Msgs 5, as protobuf classes.

They have the fields that are read or written here and no others; protobuf skips the rest. Names, numbers and types are
those of the .proto files in Debian 11's libgazebo-dev and libignition-msgs-dev, where an enumeration is an int32 here:
both look the same in a serialised message.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessages

_REPEATED = 'repeated '

# {package: {message: {field: (number, type)}}}
_FIELDS = {
    'gazebo.msgs': {
        'Time': {'sec': (1, 'int32'), 'nsec': (2, 'int32')},
        'Vector3d': {'x': (1, 'double'), 'y': (2, 'double'), 'z': (3, 'double')},
        'Quaternion': {'x': (2, 'double'), 'y': (3, 'double'), 'z': (4, 'double'), 'w': (5, 'double')},
        'Pose': {'name': (1, 'string'), 'position': (3, 'Vector3d'), 'orientation': (4, 'Quaternion')},
        'PosesStamped': {'time': (1, 'Time'), 'pose': (2, 'repeated Pose')},
        'Contact': {'collision1': (1, 'string'), 'collision2': (2, 'string')},
        'Contacts': {'contact': (1, 'repeated Contact'), 'time': (2, 'Time')},
        'Factory': {'sdf': (1, 'string')},
        'Request': {'id': (1, 'int32'), 'request': (2, 'string'), 'data': (3, 'string')},
        'Response': {'id': (1, 'int32')},
        'WorldControl': {'multi_step': (3, 'uint32')},
        # All that goes to and comes from the master, and the first message on a connection.
        'Packet': {'stamp': (1, 'Time'), 'type': (2, 'string'), 'serialized_data': (3, 'bytes')},
        # Where a topic is published, and who wants it.
        'Publish': {'topic': (1, 'string'), 'msg_type': (2, 'string'), 'host': (3, 'string'), 'port': (4, 'uint32')},
        'Publishers': {'publisher': (1, 'repeated Publish')},
        'Subscribe': {'topic': (1, 'string'), 'host': (2, 'string'), 'port': (3, 'uint32'), 'msg_type': (4, 'string')},
    },
    'ignition.msgs': {
        'Double': {'data': (2, 'double')},
        'PID': {
            'target_optional': (9, 'Double'),
            'p_gain_optional': (10, 'Double'),
            'i_gain_optional': (11, 'Double'),
            'd_gain_optional': (12, 'Double'),
            'limit_optional': (15, 'Double'),
        },
        'StringMsg': {'data': (2, 'string')},
        'JointCmd': {'name': (2, 'string'), 'position': (5, 'PID')},
        'MessagePublisher': {'ctrl': (1, 'string'), 'msg_type': (2, 'string')},
        'Publisher': {
            'topic': (1, 'string'),
            'address': (2, 'string'),
            'process_uuid': (3, 'string'),
            'node_uuid': (4, 'string'),
            'scope': (5, 'int32'),
            'msg_pub': (6, 'MessagePublisher'),
        },
        'Discovery': {
            'version': (2, 'uint32'),
            'process_uuid': (3, 'string'),
            'type': (4, 'int32'),
            'pub': (7, 'Publisher'),
        },
    },
}


def _file_descriptor(package: str) -> FileDescriptorProto:
    """What protoc would make of the package's .proto file."""
    file = FileDescriptorProto(name=f'{package}.proto', package=package, syntax='proto2')
    for name, fields in _FIELDS[package].items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            described = message.field.add(name=field, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if kind.startswith(_REPEATED):
                described.label = FieldDescriptorProto.LABEL_REPEATED
                kind = kind.removeprefix(_REPEATED)
            if kind in _FIELDS[package]:
                described.type, described.type_name = FieldDescriptorProto.TYPE_MESSAGE, f'.{package}.{kind}'
            else:
                described.type = FieldDescriptorProto.Type.Value(f'TYPE_{kind.upper()}')
    return file


_CLASSES: dict[str, Any] = GetMessages([_file_descriptor(package) for package in _FIELDS], DescriptorPool())

Contacts = _CLASSES['gazebo.msgs.Contacts']
Factory = _CLASSES['gazebo.msgs.Factory']
Packet = _CLASSES['gazebo.msgs.Packet']
PosesStamped = _CLASSES['gazebo.msgs.PosesStamped']
Publish = _CLASSES['gazebo.msgs.Publish']
Publishers = _CLASSES['gazebo.msgs.Publishers']
Request = _CLASSES['gazebo.msgs.Request']
Response = _CLASSES['gazebo.msgs.Response']
Subscribe = _CLASSES['gazebo.msgs.Subscribe']
WorldControl = _CLASSES['gazebo.msgs.WorldControl']
Discovery = _CLASSES['ignition.msgs.Discovery']
JointCmd = _CLASSES['ignition.msgs.JointCmd']
Publisher = _CLASSES['ignition.msgs.Publisher']
StringMsg = _CLASSES['ignition.msgs.StringMsg']
