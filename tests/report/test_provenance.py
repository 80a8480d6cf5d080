"""What is said beside the answers of a run."""

from gtzan_lightning.report.prediction_tables import provenance_lines

CARD = {
    "status": "done",
    "model": {"name": "MLP"},
    "data": {"corpus": "gtzan", "source": "tables"},
    "features": {"name": "stats"},
    "split": {"name": "leaky", "leakage_warning": "LEAKY SPLIT: slices of one track stand in train and test"},
    "metrics": {"test": {"clip": {"accuracy": 0.5, "accuracy_ci95": [0.4, 0.6], "n": 200}}},
}


def said(card=CARD, temperature=1.5, *, calibrated=True, familiar=True):
    return "\n".join(provenance_lines("the-run", card, temperature, calibrated=calibrated, familiar=familiar))


def test_score_split_stamp_and_temperature_are_told():
    text = said()
    assert "MLP on gtzan, clip accuracy 0.50 [0.40, 0.60] on 200 test clips (split leaky)" in text
    assert "LEAKY SPLIT" in text
    assert "four columns" in text
    assert "Calibrated: temperature 1.50" in text


def test_what_a_run_lacks_is_told():
    assert "Not calibrated" in said(temperature=None)
    assert "the model's own" in said(calibrated=False)
    assert "does not know its training music" in said(familiar=False)
    assert said(None).startswith("Answers of the-run.\n")


def test_a_synthetic_model_is_called_one_and_audio_has_no_table_to_differ_from():
    text = said(CARD | {"data": {"corpus": "synthetic", "source": "audio"}})
    assert "has never heard music" in text
    assert "four columns" not in text
