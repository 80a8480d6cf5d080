"""The help of `train.py`: groups without their shared files, and values with the comments of the configuration."""

import pytest

from gtzan_lightning.config.help_text import help_text


def test_groups_are_listed_without_their_shared_files():
    lines = help_text().splitlines()
    assert "slice: 2s, 3s, 6s, 9s, 30s" in lines
    assert "split: artist, filtered, grouped, leaky" in lines
    assert "debug: fast, limit, overfit" in lines
    assert "_base" not in help_text()
    assert not any(line.startswith("hydra") for line in lines)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ([], "seed: 0  # of the training; split.seed is that of the split"),  # conf/train.yaml
        ([], "  n_mfcc: 13  # number of coefficients (mfcc)"),  # conf/features/_base.yaml
        ([], "    train: 0.7"),
        (["model=convlstm"], "  kernel_size: 3  # width of the convolution over features; odd"),  # the selected member
        (["seed=5"], "seed: 5  # of the training; split.seed is that of the split"),
        (["features=mfcc", "features.n_mfcc=20"], "  n_mfcc: 20  # number of coefficients (mfcc)"),
    ],
)
def test_values_have_the_comments_of_their_files(overrides, line):
    assert line in help_text(overrides).splitlines()


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_command_prints_it(command, option):
    ended = command(option, "model=lstm")
    assert (ended.status, ended.out) == (0, f"{help_text(['model=lstm'])}\n")


def test_an_override_that_cannot_be_composed_is_refused(command):
    ended = command("--help", "model=lstn")
    assert ended.status == 2
    assert "Could not find 'model/lstn'" in ended.err
