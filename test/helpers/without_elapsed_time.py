# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Scores without those of the elapsed-time baseline, which training has and evaluate has not."""


def without_elapsed_time(scores):
    """The same nested lists and dicts without the keys of the baseline."""
    if isinstance(scores, dict):
        kept = {key: value for key, value in scores.items() if not key.startswith('elapsed_time')}
        return {key: without_elapsed_time(value) for key, value in kept.items()}
    if isinstance(scores, list):
        return [without_elapsed_time(each) for each in scores]
    return scores
