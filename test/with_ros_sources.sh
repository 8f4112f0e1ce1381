#!/usr/bin/env bash
# with_ros_sources.sh FOLDER COMMAND [ARGUMENTS]: run a command with the ROS packages that no registry of Python packages has:
# launch, launch_testing, the commands `ros2 launch` and `ros2 run`, control_msgs, and the linters of ROS.
#
# They are cloned into FOLDER (branch jazzy, 20 MB), and built there once, with the environment of ./run. A clone that is there
# already is taken as it is. .venv stays as it is, and PATH begins with its programs.
set -euo pipefail

[[ $# -ge 2 ]] || {
  echo 'usage: with_ros_sources.sh FOLDER COMMAND [ARGUMENTS], such as: with_ros_sources.sh ~/ros_sources ./run test test/system' >&2
  exit 2
}
[[ -z ${ROS_DISTRO:-} ]] || {
  echo "with_ros_sources.sh: ROS 2 $ROS_DISTRO is sourced, and its packages would be mixed with these: use a shell without it" >&2
  exit 2
}
repositories=(ros2/launch ros2/launch_ros ros2/rcl_interfaces ros2/ros2cli ros-controls/control_msgs ament/ament_lint)
packages=(
  composition_interfaces control_msgs
  launch launch_pytest launch_ros launch_testing launch_testing_ros launch_xml launch_yaml
  ros2cli ros2launch ros2pkg ros2run
  ament_copyright ament_flake8 ament_lint ament_lint_auto ament_lint_cmake ament_pep257 ament_xmllint
  ament_cmake_copyright ament_cmake_flake8 ament_cmake_lint_cmake ament_cmake_pep257 ament_cmake_xmllint
)
libraries=(
  osrf-pycommon psutil pydocstyle
  flake8 flake8-builtins flake8-comprehensions flake8-docstrings flake8-import-order flake8-quotes
)

mkdir -p "$1"
sources=$(realpath "$1")
shift
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
installed=$sources/install

if [[ ! -e $installed/holds || $(<"$installed/holds") != "${packages[*]} ${libraries[*]}" ]]; then
  cd "$sources"
  for name in "${repositories[@]}"; do
    [[ -d ${name#*/} ]] || git clone --quiet --depth 1 --branch jazzy "https://github.com/$name"
  done
  "$root/run" python -m pip install --quiet --upgrade --target "$installed/python" "${libraries[@]}"
  "$root/run" python -m colcon build --merge-install --executor sequential --event-handlers console_stderr- \
    --paths "${packages[@]/#/*/}" --cmake-args "-DPython3_EXECUTABLE=$root/.venv/bin/python" -DBUILD_TESTING=OFF
  echo "${packages[*]} ${libraries[*]}" >"$installed/holds"
  cd - >/dev/null
fi

export AMENT_PREFIX_PATH=$installed:$root/.venv
export CMAKE_PREFIX_PATH=$AMENT_PREFIX_PATH
export LD_LIBRARY_PATH=$installed/lib
export PATH=$root/.venv/bin:$installed/bin:$PATH
export PYTHONPATH=$installed/python
for site in "$installed"/lib/python3.*/site-packages; do
  PYTHONPATH=$site:$PYTHONPATH
done
exec "$@"
