#!/usr/bin/env python3
"""What scikit-learn says about fixed scores: writes sklearn_values.json beside this file.

Run where python3-sklearn is installed (the bench packages have it); the tests read only the JSON.
"""
import json
import pathlib

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

BINS = 10


def calibration_error(probabilities, labels):
    edges = np.linspace(0, 1, BINS + 1)
    share, mean = calibration_curve(labels, probabilities, n_bins=BINS, strategy="uniform")
    count = np.bincount(np.searchsorted(edges[1:-1], probabilities), minlength=BINS)
    return float(np.sum(count[count > 0] * np.abs(share - mean)) / len(labels))


def binary_case(name, scores, labels, threshold):
    called = scores >= threshold
    return {
        "name": name, "scores": scores.tolist(), "labels": labels.tolist(), "threshold": threshold,
        "auroc": metrics.roc_auc_score(labels, scores),
        "average_precision": metrics.average_precision_score(labels, scores),
        "accuracy": metrics.accuracy_score(labels, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, called),
        "sensitivity": metrics.recall_score(labels, called),
        "specificity": metrics.recall_score(labels, called, pos_label=0),
        "precision": metrics.precision_score(labels, called),
        "f1": metrics.f1_score(labels, called),
        "brier": metrics.brier_score_loss(labels, scores),
        "calibration_error": calibration_error(scores, labels),
    }


def class_case(name, probabilities, labels):
    predicted = probabilities.argmax(1)
    return {
        "name": name, "probabilities": probabilities.ravel().tolist(), "labels": labels.tolist(),
        "classes": probabilities.shape[1],
        "auroc": metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"),
        "average_precision": metrics.average_precision_score(np.eye(probabilities.shape[1])[labels], probabilities),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "confusion": metrics.confusion_matrix(labels, predicted).ravel().tolist(),
        "calibration_error": calibration_error(probabilities.max(1), (predicted == labels).astype(int)),
    }


def logistic_case(name, features, labels, test, strength, balanced):
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=strength, class_weight="balanced" if balanced else None, tol=1e-12, max_iter=100000)
    model.fit(scaler.transform(features), labels)
    knn = KNeighborsClassifier(5, metric="cosine").fit(scaler.transform(features), labels)
    return {
        "name": name, "features": features.ravel().tolist(), "width": features.shape[1], "labels": labels.tolist(),
        "test": test.ravel().tolist(), "c": strength, "balanced": balanced,
        "decision": model.decision_function(scaler.transform(test)).ravel().tolist(),
        "neighbours": knn.predict_proba(scaler.transform(test)).ravel().tolist(),
    }


def main():
    random = np.random.default_rng(20261128)
    labels = (random.random(83) < 0.3).astype(int)
    even = np.clip(0.5 + 0.2 * random.standard_normal(83) + 0.2 * labels, 0, 1)
    rare = (random.random(60) < 0.08).astype(int)
    rare[0] = 1
    classes = random.integers(0, 3, 71)
    logits = random.standard_normal((71, 3)) + 1.2 * np.eye(3)[classes]
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    softmax[:, 2] = 1 - softmax[:, 0] - softmax[:, 1]
    features = np.round(random.standard_normal((60, 7)) * [1, 2, 3, 1, 1, 5, 1], 3)
    features[:, 6] = 4  # a constant one
    shown = (features[:, 0] + 0.5 * random.standard_normal(60) > 0.4).astype(int)
    three = np.digitize(features[:, 1] + random.standard_normal(60), [-1.5, 1.5])
    test = np.round(random.standard_normal((12, 7)) * [1, 2, 3, 1, 1, 5, 1], 3)
    test[:, 6] = 4
    result = {
        "scikit_learn": sklearn.__version__, "bins": BINS,
        "binary": [
            binary_case("continuous", even, labels, 0.5),
            binary_case("with ties and on edges", np.round(even, 1), labels, 0.6),
            binary_case("rare", np.round(np.clip(random.random(60) * 0.5 + 0.3 * rare, 0, 1), 2), rare, 0.35),
        ],
        "classes": [class_case("three", softmax, classes)],
        "logistic": [
            logistic_case("balanced", features, shown, test, 0.01, True),
            logistic_case("plain", features, shown, test, 1.0, False),
            logistic_case("three classes", features, three, test, 0.1, True),
        ],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(result, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


main()
