"""Records of damaged runs."""

import pytest
from made_runs import made_run

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.records import checked, read_record, whole_predictions
from gtzan_lightning.runs.run_folder import RunFolder


@pytest.mark.parametrize("text", ["slice: [", "- 1\n- 2\n", "\x00"])
def test_a_damaged_configuration_is_a_damaged_run(tmp_path, text):
    folder = made_run(tmp_path)
    (folder / "config.yaml").write_text(text)
    read = read_record(RunFolder(folder))
    assert (read.card["status"], read.done) == ("damaged", False)
    assert "config.yaml" in read.card["error"]


@pytest.mark.parametrize("change", [lambda rows: rows[:-1], lambda rows: [*rows, rows[-1]]], ids=["fewer", "more"])
def test_predictions_that_lost_or_gained_rows_are_not_used(tmp_path, change):
    run = RunFolder(made_run(tmp_path))
    assert checked(read_record(run)).done
    header, *rows = run.predictions.read_text().splitlines()
    of_test = [row for row in rows if ",test," in row]
    rest = [row for row in rows if ",test," not in row]
    run.predictions.write_text("\n".join([header, *rest, *change(of_test)]) + "\n")
    message = f"{len(change(of_test)):,} of {len(of_test):,} rows of the part test"
    with pytest.raises(GtzanError, match=message):
        whole_predictions(run)
    record = checked(read_record(run))
    assert (record.done, record.card["status"]) == (False, "damaged")
    assert message in record.card["error"]
