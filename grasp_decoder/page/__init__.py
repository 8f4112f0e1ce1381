"""One page in a browser that shows a run to its operator: what it shows as plain data, and its display by viser."""
