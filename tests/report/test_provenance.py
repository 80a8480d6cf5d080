"""Remarks on the run beside its predictions."""

from gtzan_lightning.report.prediction_tables import provenance_lines

CARD = {
    "status": "done",
    "model": {"name": "MLP"},
    "data": {"corpus": "gtzan", "source": "tables"},
    "features": {"name": "stats", "shape": [1, 58]},
    "split": {"name": "leaky", "leakage_warning": "LEAKY SPLIT: slices of one track stand in train and test"},
    "metrics": {"test": {"clip": {"accuracy": 0.5, "accuracy_ci95": [0.4, 0.6], "n": 200}}},
}


def remarks(card=CARD, temperature=1.5, *, calibrated=True, has_ood=True):
    return "\n".join(provenance_lines("the-run", card, temperature, calibrated=calibrated, has_ood=has_ood))


def test_score_split_leakage_warning_and_temperature_are_reported():
    text = remarks()
    assert "mlp on gtzan, clip accuracy 0.50 [0.40, 0.60] on 200 test clips (split leaky)" in text
    assert "LEAKY SPLIT" in text
    assert "harmony_mean and perceptr_mean cannot be recomputed from audio" in text
    assert "Calibrated: temperature 1.50" in text


def test_what_a_run_lacks_is_reported():
    assert "Not calibrated" in remarks(temperature=None)
    assert "Uncalibrated: " in remarks(calibrated=False)
    assert "has no OOD score" in remarks(has_ood=False)
    assert remarks(None).startswith("Predictions of the-run.\n")


def test_a_model_of_synthetic_music_and_a_model_of_audio_have_their_own_remarks():
    text = remarks(CARD | {"data": {"corpus": "synthetic", "source": "audio"}})
    assert "was not trained on music" in text
    assert "cannot be recomputed" not in text
    assert "cannot be recomputed" not in remarks(CARD | {"features": {"name": "stats", "shape": [1, 55]}})
