"""Bundles: sealed folders of trained networks, and the back ends that run them."""
