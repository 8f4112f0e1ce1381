"""Learning to decode, and measuring how well it went. Only this package and `bundle.export` import TensorFlow."""

import logging
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')  # TensorFlow's own notes would tear the progress bar apart
logging.getLogger('tensorflow').setLevel(logging.ERROR)  # its warnings are for programmers
