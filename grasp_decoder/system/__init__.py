"""The running system as data: which nodes run with what, and what came out of a run."""
