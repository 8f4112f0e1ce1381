"""The networks and how they are fitted, searched and carried over to another day."""
