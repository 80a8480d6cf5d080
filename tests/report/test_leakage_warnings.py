"""Leakage warnings accompany scores wherever these are shown."""

from gtzan_lightning.report.tables import leakage_warning_lines, leakage_warnings_markdown
from gtzan_lightning.runs.run_card import mixed_code_warning
from gtzan_lightning.runs.run_folder import score_warnings

LEAKY, SELECTION = "LEAKY SPLIT: slices", "MODEL SELECTION: [x]"
CARDS = [
    {"status": "done", "split": {"leakage_warning": LEAKY}, "leakage_warnings": [LEAKY, SELECTION]},
    {"status": "done", "split": {"leakage_warning": LEAKY}},  # an older card
    {"status": "done", "split": {"leakage_warning": None}, "leakage_warnings": []},
    {"status": "failed"},
]


def test_limited_runs_and_runs_of_changed_code_are_marked():
    assert score_warnings({"limits": ["trainer.limit_batches=1"]}) == [
        "LIMITED RUN (trainer.limit_batches=1): not trained and tested on all slices"
    ]
    assert score_warnings(
        {"overrides": ["debug=fast", "+trainer.limit_train_batches=2", "trainer.limit_batches=null"]}
    ) == ["LIMITED RUN (debug=fast, +trainer.limit_train_batches=2): not trained and tested on all slices"]
    assert score_warnings({"limits": [], "overrides": ["debug=null"], "code": {"changed": []}}) == []
    assert score_warnings({"limits": [], "code": {"changed": ["mlp.py"]}}) == [
        "OTHER CODE: the run was kept (reuse=always), and its code has changed since"
    ]


def test_mixed_code_is_reported_by_file_and_different_models_are_not():
    mlp, lstm = ({"code": {"files": {"base.py": "a", name: "1"}}} for name in ("mlp.py", "lstm.py"))
    assert mixed_code_warning([mlp, lstm, mlp]) is None
    newer = {"code": {"files": {"base.py": "b", "mlp.py": "1"}}}
    assert mixed_code_warning([mlp, newer]) == (
        "MIXED CODE: runs were made with different versions of base.py; repeat their commands"
    )
    assert mixed_code_warning([mlp, {}]) == (
        "MIXED CODE: runs were made with code that 1 of them did not record; repeat their commands"
    )
    assert mixed_code_warning([{}, {}]) is None


def test_a_card_has_all_its_warnings_and_an_older_one_that_of_its_split():
    assert [score_warnings(card) for card in CARDS] == [[LEAKY, SELECTION], [LEAKY], [], []]


def test_warnings_are_counted_over_runs():
    assert leakage_warning_lines(CARDS, "runs") == [
        "[bold red]LEAKY SPLIT: slices[/]: 2 of these runs",
        "[bold red]MODEL SELECTION: \\[x][/]: 1 of these runs",
    ]
    assert leakage_warnings_markdown(CARDS, "jobs") == (
        "\n**LEAKY SPLIT: slices**: 2 of these jobs\n\n**MODEL SELECTION: [x]**: 1 of these jobs\n"
    )
    assert leakage_warning_lines(CARDS[2:], "runs") == []
    assert leakage_warnings_markdown(CARDS[2:], "jobs") == ""
