"""Recordings: sessions of trials, read from files, cached, played back, written and made up."""
