#!/usr/bin/env bash
# with_ros_sources.sh SOURCES [ARGUMENTS]: run `./run test ARGUMENTS` with the ROS packages that no registry has.
#
# SOURCES is a folder with clones of control_msgs, launch, launch_ros and rcl_interfaces, branch jazzy (CONTRIBUTING.md).
# What is needed of them is built once, in SOURCES/build and SOURCES/install. .venv stays as it is.
set -euo pipefail

packages=(control_msgs composition_interfaces launch launch_xml launch_yaml launch_ros)
sources=$(realpath "${1:?give the folder of the sources}")
shift
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

if [[ ! -e $sources/install/complete ]]; then
  "$root/run" python -m pip install --quiet --no-deps --target "$sources/install/python" osrf-pycommon
  (
    cd "$sources"
    "$root/run" python -m colcon build --merge-install --executor sequential --paths "${packages[@]/#/*/}" \
      --cmake-args "-DPython3_EXECUTABLE=$root/.venv/bin/python" -DBUILD_TESTING=OFF
  )
  touch "$sources/install/complete"
fi

export AMENT_PREFIX_PATH=$sources/install
export LD_LIBRARY_PATH=$sources/install/lib
export PYTHONPATH=$sources/install/python
for site in "$sources"/install/lib/python3.*/site-packages; do
  PYTHONPATH=$site:$PYTHONPATH
done
exec "$root/run" test "$@"
