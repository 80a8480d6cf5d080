"""Leakage ladder: scores by split, accuracy drops, rankings."""

import pytest

from gtzan_lightning.features.kinds import pretraining
from gtzan_lightning.report.tables import table_markdown
from gtzan_lightning.studies.ladder import LeakageLadder, ladder, ladder_figure, omitted, ranking_lines, rankings


def card(split, seed, accuracy, model="MLP", train_tracks=None, features="stats"):
    score = {"accuracy": accuracy, "n": 2000, "accuracy_ci95": [accuracy - 0.05, accuracy + 0.04]}
    return {
        "status": "done",
        "data": {"corpus": "gtzan"},
        "model": {"name": model},
        "features": {"name": features, **({"pretrained": pretraining(features)} if features == "musicnn" else {})},
        "split": {
            "name": split, "seed": seed, "train_tracks": train_tracks,
            "slices": {"train": 7000, "val": 1000, "test": 2000},
        },
        "metrics": {"test": {"window": score, "clip": score}},
    }  # fmt: skip


CARDS = [
    *(card("leaky", seed, 0.93 + 0.001 * seed) for seed in range(3)),
    *(card("grouped", seed, 0.74 - 0.002 * seed) for seed in range(3)),
    *(card("filtered", seed, 0.50) for seed in range(3)),
]


def test_splits_are_in_order_with_drops_paired_by_seed():
    leaky, grouped, filtered = ladder(reversed(CARDS))
    assert [score.split for score in (leaky, grouped, filtered)] == ["leaky", "grouped", "filtered"]
    assert leaky.drop is None
    assert grouped.drop == pytest.approx(0.193)  # mean of 0.190, 0.193, 0.196
    # t(2) = 4.302653 times sqrt(var (1/3 + 2000/7000)) with var = 9e-6
    half = 4.302653 * (9e-6 * (1 / 3 + 2 / 7)) ** 0.5
    assert grouped.drop_interval == pytest.approx((0.193 - half, 0.193 + half))


def test_the_fixed_split_has_the_interval_of_its_test_tracks():
    grouped, filtered = ladder(CARDS)[1:]
    assert filtered.interval == pytest.approx((0.45, 0.54))
    low, high = filtered.drop_interval
    above = grouped.interval
    assert filtered.drop - low == pytest.approx(((grouped.mean - above[0]) ** 2 + 0.04**2) ** 0.5)
    assert high - filtered.drop == pytest.approx(((above[1] - grouped.mean) ** 2 + 0.05**2) ** 0.5)


def test_one_seed_gives_no_interval_and_unfinished_runs_no_score():
    scores = ladder([card("leaky", 0, 0.9), card("grouped", 0, 0.7), {"status": "failed"}])
    assert [score.interval for score in scores] == [(0.0, 1.0), (0.0, 1.0)]
    assert scores[1].drop_interval == (-1.0, 1.0)


def test_controls_are_ladders_of_their_own():
    scores = ladder([*CARDS, *(card("leaky", seed, 0.90, train_tracks=443) for seed in range(3))])
    assert [(score.split, score.control) for score in scores][-1] == ("leaky", True)
    assert scores[-1].drop is None


def test_rankings_by_split():
    cards = [
        card("leaky", 0, 0.9),
        card("leaky", 0, 0.8, "BiLSTM"),
        card("artist", 0, 0.5),
        card("artist", 0, 0.6, "BiLSTM"),
    ]
    found = {split: [score.model for score in group] for split, group in rankings(ladder(cards)).items()}
    assert found == {"leaky": ["mlp", "lstm"], "artist": ["lstm", "mlp"]}


def test_a_ranking_says_how_far_the_first_is_ahead():
    others = [card("grouped", seed, accuracy, model="BiLSTM") for seed, accuracy in enumerate((0.71, 0.70, 0.72))]
    (line,) = ranking_lines(ladder([*CARDS[3:6], *others]))
    # leads 0.030, 0.038, 0.016: mean 0.028, var 1.24e-4; t(2) = 4.302653
    half = 4.302653 * (1.24e-4 * (1 / 3 + 2 / 7)) ** 0.5
    assert line == f"grouped: mlp > lstm, ahead by +0.028 ({0.028 - half:+.3f} to {0.028 + half:+.3f})"
    assert ranking_lines(ladder(CARDS)) == []


def test_there_is_a_table_for_each_level_and_a_row_for_each_split():
    window, clip = (
        LeakageLadder().analyse(CARDS, [{"status": "failed", "overrides": ["split=artist"], "error": "no"}]).tables
    )
    assert window.title == "Leakage ladder of mlp: test accuracy, window level"
    text = table_markdown(window)
    assert "| split | training slices | seeds | accuracy (95 %) | change (95 %) |" in text
    assert "| leaky | 7000 | 3 | 0.931 (" in text
    assert "| filtered | 7000 | 3 | 0.500 (0.450-0.540) | -0.238 (" in text
    assert text.endswith("\nOmitted: split=artist: no\n")
    assert clip.title == "Leakage ladder of mlp: test accuracy, clip level"


def test_no_change_has_a_positive_sign():
    """As for clips of one slice, which both splits assign as a whole."""
    cards = [card(split, seed, 0.6 + 0.01 * seed) for split in ("leaky", "grouped") for seed in range(3)]
    assert "+0.000 (+0.000 to +0.000)" in table_markdown(LeakageLadder().analyse(cards, []).tables[0])


def test_several_models_also_have_a_table_side_by_side(documented_header):
    others = [card("grouped", seed, 0.7, model="BiLSTM") for seed in range(3)]
    (window,) = [each for each in LeakageLadder().analyse([*CARDS, *others], []).tables if "windows" in each.columns[0]]
    lines = table_markdown(window).splitlines()
    assert lines[2] == "| test accuracy of windows (95 %) | mlp | change | lstm | change |"
    assert lines[2] == documented_header("ladder")
    assert lines[4].startswith("| leaky | 0.931 (")
    assert lines[4].endswith(") |  |  |  |")
    assert lines[5].endswith(" | 0.700 (0.700-0.700) |  |")
    assert window.notes[0] == "grouped: mlp > lstm, ahead by +0.038 (+0.031 to +0.045)"


def test_a_missing_split_is_named_once_with_its_reason():
    failed = {"status": "failed", "overrides": ["split=artist"], "error": "no metadata.csv"}
    assert omitted([failed, failed]) == ["split=artist: no metadata.csv"]


def test_the_figure_shows_each_drop():
    figure = ladder_figure(ladder(CARDS), "gtzan", "window")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"-19 points", "-24 points", "0.93", "0.74", "0.50"} <= set(texts)


def test_each_feature_set_has_a_line_and_a_table_of_its_own():
    pretrained = [card(split, seed, 0.8, features="musicnn") for split in ("grouped", "artist") for seed in range(3)]
    controls = [card("grouped", seed, 0.78, features="musicnn", train_tracks=443) for seed in range(3)]
    failed = [{"status": "failed", "overrides": ["features=musicnn", "split=filtered"], "error": "no list"}]
    result = LeakageLadder().analyse([*CARDS, *pretrained, *controls], failed)
    assert [table.title for table in result.tables[:2]] == [
        "Leakage ladder of mlp on stats: test accuracy, window level",
        "Leakage ladder of mlp on musicnn: test accuracy, window level",
    ]
    assert result.tables[2].notes[-2:] == (
        "Omitted: features=musicnn split=filtered: no list",
        "Features musicnn: MusiCNN, trained on Million Song Dataset (msd), MagnaTagATune (mtt); pretraining overlap "
        "with the test tracks: unknown.",
    )
    axes = result.figures["ladder_window"].axes[0]
    lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
    assert list(lines) == ["mlp on stats", "mlp on musicnn", "mlp on musicnn, same training size"]
    assert lines["mlp on musicnn"].get_ydata().tolist() == pytest.approx([0.8, 0.8])
    assert lines["mlp on stats"].get_ydata().tolist() == pytest.approx([0.931, 0.738, 0.5])
