"""From spikes to labelled bins and windows, and the split of trials into training, validation and test."""
