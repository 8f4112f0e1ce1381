"""From decodes to safe hand commands: evidence, grasp states, grips, limits and faults."""
