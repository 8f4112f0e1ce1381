"""grasp_decoder: spike trains in, a safe robotic grasp out."""

from pkgutil import extend_path

# colcon puts the generated `msg` and `srv` packages beside an installed copy of this one;
# extending the path lets `grasp_decoder.msg` be found when the sources are imported from elsewhere.
__path__ = extend_path(__path__, __name__)

__version__ = '0.2.0'
