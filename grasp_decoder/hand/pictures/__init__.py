"""Pictures, films and a window of a simulated hand."""
