"""One experiment, from recordings to bundles and their report."""
