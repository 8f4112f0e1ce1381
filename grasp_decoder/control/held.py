"""When a grasp has held: the hand lets go by it, and the monitor scores by it."""

from __future__ import annotations

LIFTED_M = 0.05
"""An object this high above its rest is lifted."""

KEPT_S = 1.0
"""An object that stayed lifted for so long was held."""

LIFTING_S = 0.2
"""From closed to lifted, where nobody says how high the object is."""
