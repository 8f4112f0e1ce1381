# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""grasp_decoder: spike trains in, a safe robotic grasp out.

It implements and extends the decoder of Viviani et al. 2023, "Deep Learning for real-time neural decoding of grasp"
(arXiv 2311.01061), which the documentation calls the paper.
"""

from pkgutil import extend_path

# colcon puts the generated `msg` and `srv` packages beside an installed copy of this one;
# extending the path lets `grasp_decoder.msg` be found when the sources are imported from elsewhere.
__path__ = extend_path(__path__, __name__)

__version__ = '0.2.0'
