"""Runs the networks of a bundle: opens them on a back end, watches accelerators, and steps each task bin by bin."""
