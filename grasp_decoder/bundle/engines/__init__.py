"""Where the networks of a bundle run: back ends, accelerators and one task between bins."""
