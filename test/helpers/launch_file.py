# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""``launch_file.py FILE NAME:=VALUE...`` runs a launch file, as ``ros2 launch`` does."""

import sys

from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from launch import LaunchDescription, LaunchService


def main() -> int:
    file, *arguments = sys.argv[1:]
    chosen = [tuple(argument.split(':=', 1)) for argument in arguments]
    service = LaunchService()
    included = IncludeLaunchDescription(PythonLaunchDescriptionSource(file), launch_arguments=chosen)
    service.include_launch_description(LaunchDescription([included]))
    return service.run()


if __name__ == '__main__':
    raise SystemExit(main())
