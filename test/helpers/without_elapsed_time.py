"""Scores without those of the elapsed-time baseline, which training has and evaluate has not."""


def without_elapsed_time(scores):
    """The same nested lists and dicts without the keys of the baseline."""
    if isinstance(scores, dict):
        kept = {key: value for key, value in scores.items() if not key.startswith('elapsed_time')}
        return {key: without_elapsed_time(value) for key, value in kept.items()}
    if isinstance(scores, list):
        return [without_elapsed_time(each) for each in scores]
    return scores
