"""A simulated hand: its description, its objects and one interface for all simulators."""
