"""grasp_decoder: spike trains in, a safe robotic grasp out.

It implements and extends the decoder of Viviani et al. 2023, "Deep Learning for real-time neural decoding of grasp"
(arXiv 2311.01061), which the documentation calls the paper.
"""

from pkgutil import extend_path

# colcon puts the generated `msg` and `srv` packages beside an installed copy of this one;
# extending the path lets `grasp_decoder.msg` be found when the sources are imported from elsewhere.
__path__ = extend_path(__path__, __name__)

__version__ = '0.2.0'
