"""Leaks that the audit must report, with severity, leakage type and tracks, and splits that it must pass."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler, minmax_scale, scale

from audit import audit_inputs
from gtzan_lightning.audit.findings import LEAKAGE_TYPES, RunFacts
from gtzan_lightning.audit.info_sheet import info_sheet
from gtzan_lightning.audit.leakage_audit import CHECKS, audit
from gtzan_lightning.audit.part_checks import single_column_accuracy
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.errors import GtzanError


def found(made, severity=None):
    return {finding.check: finding for finding in audit(made).findings if severity in (None, finding.severity)}


@pytest.mark.parametrize("rule", ["artist", "filtered"])
def test_a_split_by_artists_passes(rule):
    outcome = audit(audit_inputs.audit_input(rule))
    assert outcome.findings == ()
    outcome.refuse_errors()


def test_a_split_by_tracks_passes_with_a_warning_about_artists():
    assert {name: finding.severity for name, finding in found(audit_inputs.audit_input("grouped")).items()} == {
        "artists in several parts": "warning"
    }


def test_a_leaky_split_gives_warnings_and_no_errors():
    findings = found(audit_inputs.audit_input("leaky"))
    assert findings["tracks in several parts"].severity == "warning"
    assert found(audit_inputs.audit_input("leaky"), "error") == {}


def test_folds_over_segments_presented_as_grouped_are_an_error():
    made = audit_inputs.audit_input("grouped")
    labels = np.asarray(made.corpus.labels())[made.slices.track_index]
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels)
    part = np.array(["test", "val", "train", "train", "train"])
    parts = np.empty(len(labels), "<U5")
    for name, (_, chosen) in zip(part, folds, strict=True):
        parts[chosen] = name
    finding = found(audit_inputs.with_parts(made, parts), "error")["tracks in several parts"]
    assert finding.leakage_type == "L3.2"
    with pytest.raises(GtzanError, match="tracks stand in several parts"):
        audit(audit_inputs.with_parts(made, parts)).refuse_errors()


def test_a_single_track_in_two_parts_is_named():
    made = audit_inputs.audit_input("grouped")
    track = audit_inputs.tracks_in(made, "train")[3]
    parts = made.parts.copy()
    parts[np.flatnonzero(made.slices.track_index == track)[-1]] = "test"
    finding = found(audit_inputs.with_parts(made, parts), "error")["tracks in several parts"]
    assert finding.evidence == (
        f"1 of 60 tracks stand in several parts, 1 of them in train and test: {made.corpus.tracks[track].track_id}."
    )


@pytest.mark.parametrize(("rule", "severity"), [("grouped", "warning"), ("artist", "error"), ("leaky", "warning")])
def test_an_identical_pair_across_parts_has_the_severity_of_the_rule(rule, severity):
    made = audit_inputs.audit_input(rule)
    one, other = audit_inputs.tracks_in(made, "train")[0], audit_inputs.tracks_in(made, "test")[-1]
    finding = found(audit_inputs.with_copy(made, one, other))["identical features across parts"]
    assert (finding.severity, finding.leakage_type) == (severity, "L1.4")
    assert f"{made.corpus.tracks[one].track_id} = {made.corpus.tracks[other].track_id}" in finding.evidence


def test_an_identical_pair_in_one_part_is_no_leak():
    made = audit_inputs.audit_input("artist")
    one, other = audit_inputs.tracks_in(made, "train")[:2]
    assert found(audit_inputs.with_copy(made, one, other)) == {}


def test_a_near_identical_pair_is_never_an_error():
    made = audit_inputs.audit_input("artist")
    one, other = audit_inputs.tracks_in(made, "train")[0], audit_inputs.tracks_in(made, "test")[-1]
    findings = found(audit_inputs.with_copy(made, one, other, noise=0.05))
    assert findings["near-identical features across parts"].severity == "warning"
    assert "identical features across parts" not in findings


def test_copies_with_two_genres_are_label_conflicts():
    made = audit_inputs.audit_input("artist")
    labels = np.asarray(made.corpus.labels())
    train = audit_inputs.tracks_in(made, "train")
    one, other = train[labels[train] == 0][0], train[labels[train] == 1][0]
    assert set(found(audit_inputs.with_copy(made, one, other))) == {"label conflicts between duplicates"}


def test_shared_recordings_have_the_severity_of_the_rule():
    for rule, severity in (("grouped", "warning"), ("artist", "error")):
        made = audit_inputs.audit_input(rule)
        pair = {int(audit_inputs.tracks_in(made, "train")[0]), int(audit_inputs.tracks_in(made, "test")[0])}
        tracks = tuple(
            replace(track, recording_group="the song" if position in pair else None)
            for position, track in enumerate(made.corpus.tracks)
        )
        finding = found(replace(made, corpus=replace(made.corpus, tracks=tracks)))["recordings in several parts"]
        assert finding.severity == severity
        assert finding.evidence.startswith("1 of 1 recordings")
        assert ("Use split=artist" in finding.remedy) == (rule == "grouped")


@pytest.mark.parametrize("rule", ["artist", "filtered"])
def test_the_split_in_use_is_not_recommended(rule):
    """A manifest that divides tracks and artists under a rule that keeps them whole."""
    made = audit_inputs.audit_input(rule, seconds=6.0, hop_s=3.0)
    parts = np.asarray(["train", "val", "test"])[np.arange(len(made.parts)) % 3]
    for name, finding in found(audit_inputs.with_parts(made, parts)).items():
        assert "split=artist" not in finding.remedy, name
        assert "split=grouped" not in finding.remedy, name
    assert found(audit_inputs.with_parts(made, parts))["artists in several parts"].remedy == (
        "The split should keep each artist in one part: correct split.manifest, or leave it out."
    )


def test_unknown_artists_are_not_checked():
    made = audit_inputs.audit_input("grouped")
    tracks = tuple(replace(track, artist_group=None) for track in made.corpus.tracks)
    outcome = audit(replace(made, corpus=replace(made.corpus, tracks=tracks)))
    assert "artists in several parts" not in outcome.checked
    assert "tracks in several parts" in outcome.checked


def test_overlapping_slices_across_parts():
    made = audit_inputs.audit_input("leaky", seconds=6.0, hop_s=3.0)
    finding = found(made)["overlapping slices"]
    assert finding.leakage_type == "L1.4"
    assert "share up to 3 s" in finding.evidence
    assert "overlapping slices" not in found(audit_inputs.audit_input("grouped", seconds=6.0, hop_s=3.0))
    assert "overlapping slices" not in found(audit_inputs.audit_input("leaky"))


def scaler_on(made, chosen):
    scaler = StandardScaler().fit(made.features.values[chosen])
    return replace(made, facts=RunFacts(mean=scaler.mean_, scale=scaler.scale_))


def test_a_scaler_fitted_on_all_data_is_detected():
    made = audit_inputs.audit_input("artist")
    assert found(scaler_on(made, made.parts == "train")) == {}
    finding = found(scaler_on(made, np.ones(len(made.parts), bool)), "error")["normalisation"]
    assert finding.leakage_type == "L1.2"
    assert "together" in finding.evidence
    assert "not those of the training part" in found(scaler_on(made, made.parts == "test"))["normalisation"].evidence


def quantile_scale_on(made, chosen):
    """Mean and scale of the training part, quantiles of the chosen rows."""
    train = made.features.values[made.parts == "train"]
    quantiles = np.quantile(made.features.values[chosen], np.linspace(0, 1, 256), axis=0)
    return replace(made, facts=RunFacts(train.mean(axis=0), train.std(axis=0), quantiles))


def test_quantiles_fitted_on_all_data_are_detected():
    made = audit_inputs.audit_input("artist")
    assert found(quantile_scale_on(made, made.parts == "train")) == {}
    finding = found(quantile_scale_on(made, np.ones(len(made.parts), bool)), "error")["normalisation"]
    assert finding.leakage_type == "L1.2"


def test_declared_leaks_are_warnings():
    made = audit_inputs.audit_input("artist")
    declared = frozenset({"normalisation", "epoch selection"})
    facts = scaler_on(made, np.ones(len(made.parts), bool)).facts
    outcome = audit(replace(made, facts=replace(facts, monitor="test/window_accuracy", by_design=declared)))
    assert {finding.check: finding.severity for finding in outcome.findings} == dict.fromkeys(declared, "warning")
    outcome.refuse_errors()
    undeclared = replace(facts, monitor="test/window_accuracy", by_design=frozenset({"normalisation"}))
    assert set(found(replace(made, facts=undeclared), "error")) == {"epoch selection"}


def test_epoch_and_features_selected_on_the_test_part():
    facts = RunFacts(monitor="test/window_accuracy", features_chosen_on=("train", "test"))
    findings = found(audit_inputs.audit_input("artist", facts=facts), "error")
    assert {name: finding.leakage_type for name, finding in findings.items()} == {
        "epoch selection": "L1.1",
        "feature selection": "L1.3",
    }
    clean = RunFacts(monitor="val/window_accuracy", features_chosen_on=())
    outcome = audit(audit_inputs.audit_input("artist", facts=clean))
    assert outcome.findings == ()
    assert {"epoch selection", "feature selection"} <= set(outcome.checked)


def test_missing_parts_and_genres():
    made = audit_inputs.audit_input("artist")
    without_test = audit_inputs.with_parts(made, np.where(made.parts == "test", "", made.parts))
    assert found(without_test)["missing parts"].severity == "error"
    labels = np.asarray(made.corpus.labels())[made.slices.track_index]
    without_jazz = np.where((made.parts == "test") & (labels == 1), "", made.parts)
    assert found(audit_inputs.with_parts(made, without_jazz))["missing classes"].evidence == (
        "The test part has no slice of jazz."
    )


def test_constant_and_revealing_columns():
    made = audit_inputs.audit_input("artist")
    values = made.features.values.copy()
    values[:, 3] = 66149
    labels = np.asarray(made.corpus.labels())[made.features.track_index]
    values[:, 5] = labels + 0.01 * np.random.default_rng(0).normal(size=len(labels))
    findings = found(audit_inputs.with_values(made, values))
    assert findings["constant columns"].severity == "note"
    assert findings["constant columns"].evidence.endswith(": f3.")
    revealing = findings["label-revealing columns"]
    assert (revealing.leakage_type, "f5" in revealing.evidence) == ("L2", True)


def test_single_column_accuracy_leaves_out_the_track_itself():
    assert single_column_accuracy(np.arange(6.0), np.array([0, 1, 2, 0, 1, 2])) == 0
    assert single_column_accuracy(np.array([5.0, 5, 5, 9, 9, 9]), np.array([0, 0, 0, 1, 1, 1])) == 1


def test_many_informative_columns_are_not_reported():
    made = audit_inputs.audit_input("artist")
    labels = np.asarray(made.corpus.labels())[made.features.track_index]
    values = made.features.values + 2 * labels[:, None]
    assert "label-revealing columns" not in found(audit_inputs.with_values(made, values))


def test_a_split_by_sort_order_is_reported():
    made = audit_inputs.audit_input("grouped")
    number = made.slices.track_index % audit_inputs.TRACKS
    parts = np.where(number >= 16, "test", np.where(number >= 14, "val", "train"))
    tracks = tuple(replace(track, artist_group=None) for track in made.corpus.tracks)
    by_order = replace(made, corpus=replace(made.corpus, tracks=tracks), parts=parts)
    assert found(by_order)["sort order predicts the part"].severity == "warning"


def test_every_finding_has_a_known_leakage_type():
    outcome = audit(audit_inputs.audit_input("leaky"))
    assert {finding.leakage_type for finding in outcome.findings} <= {*LEAKAGE_TYPES, None}
    assert set(outcome.checked) <= set(CHECKS)


def test_the_training_data_of_a_pretrained_network_is_noted():
    made = audit_inputs.audit_input()
    assert "pretraining overlap" not in audit(made).checked  # statistics have no network behind them
    pretrained = replace(made, features=replace(made.features, name="musicnn"))
    note = found(pretrained)["pretraining overlap"]
    assert (note.severity, note.leakage_type) == ("note", None)
    assert note.evidence == (
        "Pretraining overlap: unknown. The features are activations of MusiCNN, trained on Million Song Dataset (msd), "
        "MagnaTagATune (mtt); whether recordings of this corpus are among its training data is not known."
    )


@pytest.mark.gtzan
@pytest.mark.parametrize("rule", ["artist", "filtered"])
def test_the_real_splits_by_artist_pass(gtzan_root, rule):
    from gtzan_lightning.cli import main

    assert main(["audit", f"split={rule}", f"data.root={gtzan_root}"]) == 0


def test_the_test_tracks_of_known_artists_are_counted_and_all_are_listed():
    made = audit_inputs.audit_input("grouped")
    finding = found(made)["artists in several parts"]
    artist_of = np.array([track.artist_group for track in made.corpus.tracks])
    train, test = (audit_inputs.tracks_in(made, part) for part in ("train", "test"))
    known = np.isin(artist_of[test], artist_of[train]).sum()
    assert 0 < known < len(test)
    assert finding.evidence.endswith(f" {known} of {len(test)} test tracks have a training track of the artist.")
    several = [a for a in np.unique(artist_of) if len(set(part_names(made, artist_of == a))) > 1]
    assert [each.partition(":")[0] for each in finding.concerned] == several
    one, other = np.flatnonzero(artist_of == several[0])
    names = sorted((made.part_of_track()[int(t)], made.corpus.tracks[t].track_id) for t in (one, other))
    assert {f"{part} {name}" for part, name in names} == set(finding.concerned[0].partition(": ")[2].split("; "))
    assert "concerned" not in audit(made).card()["findings"][0]
    sheet = info_sheet(made, audit(made), {})
    assert all(f"  - {each}\n" in sheet for each in finding.concerned)
    assert "Not requested: fingerprint (gtzan audit --fingerprint)." in sheet


def part_names(made, chosen):
    return made.parts[chosen[made.slices.track_index]]


@pytest.mark.parametrize("scaler", ["minmax", "standard"])
def test_a_table_that_was_scaled_over_all_rows_is_detected(scaler):
    made = audit_inputs.audit_input()
    values = made.features.values.astype(float) * 7 + 3
    scaled = minmax_scale(values) if scaler == "minmax" else scale(values)
    finding = found(audit_inputs.with_values(made, scaled.round(3)))["scaling beforehand"]
    how = "minimum 0 and maximum 1" if scaler == "minmax" else "mean 0 and standard deviation 1"
    assert finding.severity == "warning"
    assert finding.leakage_type == "L1.2"
    assert finding.evidence.startswith(f"Each of 12 columns has {how} over all rows")
    on_training = made.parts[np.argsort(made.slices.first_row)] == "train"
    fitted = (values - values[on_training].mean(axis=0)) / values[on_training].std(axis=0)
    assert "scaling beforehand" not in found(audit_inputs.with_values(made, fitted))


def test_the_scaling_of_a_table_in_other_units_is_not_checkable():
    made = audit_inputs.audit_input()
    outcome = audit(made)
    assert {"scaling beforehand", "normalisation"} <= set(outcome.not_checkable)
    assert not {"scaling beforehand", "pretraining overlap"} & {*outcome.checked}
    assert "pretraining overlap" not in outcome.not_checkable
    assert outcome.card()["not_checkable"] == list(outcome.not_checkable)
    published = replace(made, features=replace(made.features, columns=STATS_COLUMNS[:12]))
    assert "scaling beforehand" in audit(published).checked
