# SPDX-License-Identifier: Apache-2.0
"""Linear probe with scikit-learn: mean AUROC over the folds.

Reads the name of a folder per line that holds embeddings.f32 (rows of float32) and folds.txt (one line "FOLD LABEL" per
row), answers with the AUROC.
"""
import sys

import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def auroc(folder):
    folds, labels = numpy.loadtxt(folder + "/folds.txt", dtype=int).T
    rows = numpy.fromfile(folder + "/embeddings.f32", dtype=numpy.float32).reshape(len(folds), -1)
    values = []
    for fold in sorted(set(folds)):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000))
        probe.fit(rows[folds != fold], labels[folds != fold])
        values.append(roc_auc_score(labels[folds == fold], probe.decision_function(rows[folds == fold])))
    return numpy.mean(values)


for line in sys.stdin:
    print(auroc(line.strip()), flush=True)
