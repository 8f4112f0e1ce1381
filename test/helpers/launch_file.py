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
