"""scikit-learn estimators as modules: their tensors give the predictions of scikit-learn."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.estimators import ABSENT, Estimator, Pickled

ESTIMATORS = {
    "majority": DummyClassifier(strategy="most_frequent"),
    "logreg": LogisticRegression(max_iter=2000),
    "lda": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    "svm": SVC(C=10, break_ties=True),
    "knn": KNeighborsClassifier(5),
    "forest": RandomForestClassifier(20, random_state=0),
    "extra trees": ExtraTreesClassifier(20, random_state=0),
    "ridge": RidgeClassifier(),
    "naive Bayes": GaussianNB(),
}


def rows(genres, count=300, seed=0):
    """Slices of two steps of three features whose mean depends on the genre."""
    rng = np.random.default_rng(seed)
    y = rng.integers(genres, size=count)
    return (rng.normal(size=(count, 2, 3)) + np.arange(genres)[y, None, None] * 0.5).astype(np.float32), y


def fitted(name, genres=4):
    x, y = rows(genres)
    model = Estimator(2, 3, genres, estimator=ESTIMATORS[name])
    model.fit(torch.from_numpy(x), torch.from_numpy(y))
    return model, x


def expected(estimator, inputs):
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(inputs)
    scores = estimator.decision_function(inputs)
    return softmax(scores if scores.ndim == 2 else np.stack([0 * scores, scores], axis=1), axis=1)


@pytest.mark.parametrize("genres", [2, 4])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_probabilities_are_those_of_scikit_learn(name, genres):
    model, _ = fitted(name, genres)
    x, _ = rows(genres, seed=1)
    found = model(torch.from_numpy(x)).softmax(dim=1).numpy()
    estimator, inputs = ESTIMATORS[name], x.reshape(len(x), -1)
    np.testing.assert_allclose(found, expected(estimator, inputs), atol=2e-6)
    if name != "knn":  # a tie of neighbours is decided by the last digit
        assert (found.argmax(axis=1) == estimator.predict(inputs)).all()


def test_a_single_step_is_not_pooled():
    x, y = rows(4)
    model = Estimator(1, 3, 4, estimator=ESTIMATORS["logreg"], pooling=["mean", "std"])
    model.fit(torch.from_numpy(x[:, :1]), torch.from_numpy(y))
    assert ESTIMATORS["logreg"].n_features_in_ == 3
    found = model(torch.from_numpy(x[:, :1])).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, ESTIMATORS["logreg"].predict_proba(x[:, 0]), atol=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_state_is_tensors_and_restores_the_estimator(name, tmp_path):
    model, x = fitted(name)
    torch.save(model.state_dict(), tmp_path / "state.pt")
    other = Estimator(2, 3, 4, estimator=type(ESTIMATORS[name])())
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    if isinstance(other.classifier, Pickled):
        with pytest.raises(GtzanError, match="not trusted"):
            other(torch.from_numpy(x))
        other.classifier.trusted = True
    assert torch.equal(model(torch.from_numpy(x)), other(torch.from_numpy(x)))


def test_a_genre_without_training_examples_has_no_probability():
    x, y = rows(3)
    model = Estimator(2, 3, 3, estimator=LogisticRegression())
    keep = y != 1
    model.fit(torch.from_numpy(x[keep]), torch.from_numpy(y[keep]))
    logits = model(torch.from_numpy(x))
    assert torch.allclose(logits[:, 1], torch.tensor(ABSENT))
    np.testing.assert_allclose(
        logits[:, [0, 2]].softmax(dim=1).numpy(), model.estimator.predict_proba(x.reshape(len(x), -1)), atol=1e-6
    )
