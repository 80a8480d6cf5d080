"""Random labels are predicted above chance only if the split leaks."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from audit import audit_inputs
from gtzan_lightning.audit.random_labels import (
    KERNEL_RIDGE,
    PROBES,
    RIDGE,
    RandomLabelResult,
    nearest_neighbour,
    random_label_control,
)
from gtzan_lightning.errors import GtzanError


def reference(name, made, labels):
    train, test = made.parts == "train", made.parts == "test"
    scaler = StandardScaler().fit(made.features.values[train])
    x, y = scaler.transform(made.features.values), labels[made.slices.track_index]
    if name == "nearest":
        return KNeighborsClassifier(1, algorithm="brute").fit(x[train], y[train]).score(x[test], y[test])
    if name == "linear":
        x = np.hstack([x, np.ones((len(x), 1))])
        model = Ridge(RIDGE * train.sum(), fit_intercept=False)
    else:
        model = KernelRidge(alpha=KERNEL_RIDGE, kernel="rbf", gamma=1 / (x.shape[1] * x[train].var()))
    predicted = model.fit(x[train], np.eye(3)[y[train]]).predict(x[test])
    return (predicted.argmax(axis=1) == y[test]).mean()


@pytest.mark.parametrize("name", list(PROBES))
def test_a_probe_scores_as_the_same_model_of_scikit_learn(name):
    made = audit_inputs.audit_input("leaky")
    labels = np.random.default_rng(5).integers(3, size=60)
    assert PROBES[name](made)(labels) == pytest.approx(reference(name, made, labels), abs=1e-9)


def test_a_leaky_split_leaks_random_labels_and_a_grouped_one_does_not():
    leaky, grouped = (
        random_label_control(made, nearest_neighbour(made), "track")
        for made in map(audit_inputs.audit_input, ("leaky", "grouped"))
    )
    assert leaky.mean > 0.7
    assert leaky.leaks
    assert not grouped.leaks
    assert abs(grouped.mean - 1 / 3) < 0.1


def test_labels_by_artist_leak_if_artists_are_shared():
    made = audit_inputs.audit_input("grouped")
    values = made.features.values.copy()
    artist = made.features.track_index // 2
    values += 5 * np.random.default_rng(3).normal(size=(30, audit_inputs.COLUMNS))[artist].astype(np.float32)
    grouped = audit_inputs.with_values(made, values)
    assert random_label_control(grouped, nearest_neighbour(grouped), "artist").leaks
    apart = audit_inputs.with_values(audit_inputs.audit_input("artist"), values)
    assert not random_label_control(apart, nearest_neighbour(apart), "artist").leaks


def test_a_label_is_constant_in_its_cluster_and_uniform_over_genres():
    seen = []
    random_label_control(audit_inputs.audit_input(), lambda labels: seen.append(labels) or 0.5, "artist", draws=200)
    draws = np.stack(seen[:-1])  # the last are the true genres
    assert (draws[:, 0::2] == draws[:, 1::2]).all()
    assert stats.chisquare(np.bincount(draws[:, ::2].ravel(), minlength=3)).pvalue > 0.001


def test_p_values_follow_their_definitions():
    result = RandomLabelResult("track", (0.1, 0.2, 0.3, 0.4), real=0.3, chance=0.1)
    assert result.p_real == 3 / 5
    t = (0.25 - 0.1) / (np.std([0.1, 0.2, 0.3, 0.4], ddof=1) / 2)
    assert result.p_leak == pytest.approx(stats.t.sf(t, 3))
    assert RandomLabelResult("track", (0.1, 0.1), real=0.3, chance=0.1).p_leak == 1


def test_the_finding_is_an_error_only_if_the_rule_keeps_clusters_together():
    leaks = RandomLabelResult("track", (0.8, 0.81, 0.82), real=0.9, chance=0.1)
    assert leaks.finding(promised=True).severity == "error"
    assert leaks.finding(promised=False).severity == "warning"
    assert "split=grouped for tracks" in leaks.finding(promised=False).remedy
    assert leaks.finding(promised=True).remedy == (
        "The split keeps each track in one part, so look for copies: gtzan audit --fingerprint."
    )
    assert RandomLabelResult("track", (0.09, 0.1, 0.11), real=0.9, chance=0.1).finding(promised=True) is None


def test_unknown_artists_and_a_single_draw_are_refused():
    made = audit_inputs.audit_input()
    tracks = tuple(replace(track, artist_group=None) for track in made.corpus.tracks)
    with pytest.raises(GtzanError, match="random_labels=artist needs the artist"):
        random_label_control(replace(made, corpus=replace(made.corpus, tracks=tracks)), lambda _: 0.5, "artist")
    with pytest.raises(GtzanError, match="needs at least two draws"):
        random_label_control(made, lambda _: 0.5, "track", draws=1)
