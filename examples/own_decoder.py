# Copyright 2026 The grasp_decoder developers
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the
# specific language governing permissions and limitations under the License.

"""Your own decoder in the place of the package's: here a linear classifier of scikit-learn.

A decoder is one function from a `FitProblem` (trials in bins and what to learn of them) to a `TaskNetwork` (a graph
and how to use it). Everything else then works as with any decoder: splits, baselines, report, int8, evaluation, the
decoder node and the hand. The command line is that of `train`:

    ./run python examples/own_decoder.py --session session.neo.mat --out bundle --tasks phase,object
"""

import sys

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from grasp_decoder.bundle.task_network import DOF, WINDOW, TaskNetwork
from grasp_decoder.cli import train
from grasp_decoder.errors import GraspDecoderError
from grasp_decoder.features.count_features import SQUARE_ROOT_LUT, count_features
from grasp_decoder.learning.models.families import MODELS
from grasp_decoder.learning.models.graph_layers import two_part_dense
from grasp_decoder.learning.models.training import calibrate, probabilities


def fit_linear(problem):
    """Fit the classifier on windows of square-root counts; any with `coef_` and `intercept_` will do."""
    import keras  # here, after grasp_decoder.learning has made TensorFlow quiet

    if problem.task == DOF:
        raise GraspDecoderError('this decoder tells classes apart: use --tasks phase,object')
    estimator = LinearDiscriminantAnalysis(solver='lsqr', shrinkage='auto').fit(*windows(problem, problem.train))
    kernel, bias = estimator.coef_.T, estimator.intercept_
    if kernel.shape[1] == 1:  # for two classes scikit-learn gives the second's score only; the first's is 0
        kernel, bias = np.pad(kernel, ((0, 0), (1, 0))), np.pad(bias, (1, 0))

    features, targets = windows(problem, problem.validation)
    temperature = calibrate(features @ kernel + bias, targets)

    def predict(trials):
        answers = []
        for trial in trials:
            answer = np.full((trial.n_bins, len(bias)), np.nan, np.float32)
            logits = window_means(trial, problem.look_back) @ kernel + bias
            answer[problem.look_back - 1 :] = probabilities(problem.task, logits, temperature)
            answers.append(answer)
        return answers

    # The same as a graph, which is exported to TFLite: each bin of the window has its share in the mean.
    inputs = keras.Input(batch_shape=(1, problem.look_back, problem.unit_count), name='features')
    every_bin = np.tile(kernel / problem.look_back, (problem.look_back, 1))
    logits = two_part_dense(every_bin, bias)(keras.layers.Flatten()(inputs))
    return TaskNetwork(
        task=problem.task,
        model='linear',
        kind=WINDOW,
        look_back=problem.look_back,
        lut=SQUARE_ROOT_LUT,
        graph=keras.Model([inputs], {'logits': logits}),
        predict=predict,
        temperature=temperature,
    )


def windows(problem, trials):
    """Features (n, units) and class indices (n,) of every window that ends in a bin which counts for the task."""
    scored = [problem.scored(trial)[problem.look_back - 1 :] for trial in trials]
    features = [window_means(trial, problem.look_back)[rows] for trial, rows in zip(trials, scored)]
    targets = [problem.targets(trial)[problem.look_back - 1 :][rows] for trial, rows in zip(trials, scored)]
    return np.concatenate(features), np.concatenate(targets)


def window_means(trial, look_back):
    """Mean feature of each unit in every full window of a trial, (n_bins - look_back + 1, units)."""
    features = count_features(trial.counts, SQUARE_ROOT_LUT)
    return np.lib.stride_tricks.sliding_window_view(features, look_back, axis=0).mean(axis=-1)


MODELS['linear'] = fit_linear

if __name__ == '__main__':
    sys.exit(train.main(['--model', 'linear', *sys.argv[1:]]))
