"""Decoding test trials, and the scores and baselines that go with them."""
