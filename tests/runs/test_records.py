"""Records of damaged runs."""

import pytest
from made_runs import made_run

from gtzan_lightning.runs.records import read_record
from gtzan_lightning.runs.run_folder import RunFolder


@pytest.mark.parametrize("text", ["slice: [", "- 1\n- 2\n", "\x00"])
def test_a_damaged_configuration_is_a_damaged_run(tmp_path, text):
    folder = made_run(tmp_path)
    (folder / "config.yaml").write_text(text)
    read = read_record(RunFolder(folder))
    assert (read.card["status"], read.done) == ("damaged", False)
    assert "config.yaml" in read.card["error"]
