"""The configuration as checked values: all that is wrong with it, at once, and where it was set."""

import pytest

from gtzan_lightning.config.composition import compose, conf_dir
from gtzan_lightning.config.identity import flat
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError

CLAIMED = [path.stem for path in sorted((conf_dir() / "experiment").glob("*_*.yaml"))]  # one each published row


def refusal(*overrides, with_choices=False):
    cfg = compose(overrides)
    choices = dict(cfg.hydra.runtime.choices) if with_choices else None
    with pytest.raises(GtzanError) as caught:
        validate_config(cfg, overrides, choices)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["model=lstm", "slice=6s", "split=grouped"],
        ["model=convlstm", "regularization=strong", "augmentation=masking", "features=mfcc", "slice=2s"],
        ["trainer=gpu", "data=folder", "data.root=/x", "split=artist", "split.fold=0", "split.n_folds=5"],
        *([f"ablation={member}"] for member in ("none", "scaling", "epoch", "overlap", "tuned")),
        ["trainer=ddp", "debug=fast", "data=synthetic", "slice=30s", "slice.step_s=30"],
    ],
)
def test_every_member_of_every_group_passes(overrides):
    validate_config(compose(overrides), overrides)


@pytest.mark.parametrize("preset", CLAIMED)
def test_every_published_row_has_a_preset_that_says_one_thing(preset):
    claim = validate_config(compose([f"experiment={preset}"])).claim
    assert (claim.winner == "ResLSTM") == preset.startswith("variants_")
    assert (claim.accuracy is None) == preset.startswith("variants_")


@pytest.mark.parametrize("words", ["accuracy: 0.5, winner: MLP", "accuracy: null"])
def test_a_claim_is_a_score_or_a_winner(words):
    message = refusal(f"claim={{study: a study, level: clip, {words}}}")
    assert any("accuracy or winner: set one of the two" in line for line in message)


def test_a_suspect_changes_one_thing():
    base, *others = (
        flat(validate_config(compose(["experiment=ablation", f"ablation={member}"])).model_dump())
        for member in ("none", "scaling", "epoch", "overlap")
    )
    assert [{key: value for key, value in other.items() if value != base[key]} for other in others] == [
        {"features.scaling_fitted_on": "all"},
        {"trainer.best_epoch_on": "test"},
        {"slice.hop_s": 3.0},
    ]


def test_values_arrive_with_their_types():
    config = validate_config(compose(["model=lstm", "slice.seconds=6", "seed=7", "debug=fast"]))
    assert config.slice.seconds == 6.0
    assert config.seed == 7
    assert config.model.target == "gtzan_lightning.models.BiLSTM"
    assert config.model.model_extra == {"bidirectional": True}
    assert config.model.dropout == config.regularization.dropout
    assert (config.trainer.max_epochs, config.trainer.limit_batches) == (1, 1)
    assert config.features.row_s(None) == 3.0
    assert config.features.row_s(30.0) == 30.0


def test_a_frame_s_row_is_its_hop_whatever_the_step():
    config = validate_config(compose(["features=logmel"]))
    assert config.features.row_s(30.0) == 512 / 22_050


def test_the_checked_values_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        validate_config(compose()).seed = 3


def test_every_mistake_is_one_line_with_key_value_rule_and_place():
    assert refusal("trainer.max_epochs=0", "seed=-1", "data.batch_size=few", with_choices=True) == [
        "The configuration cannot be used:",
        "  data.batch_size = few: should be a valid integer (set by data.batch_size=few)",
        "  trainer.max_epochs = 0: should be greater than or equal to 1 (set by trainer.max_epochs=0)",
        "  seed = -1: should be greater than or equal to 0 (set by seed=-1)",
    ]


def test_a_value_of_a_file_is_found_in_the_file():
    cfg = compose(["split=leaky"])
    cfg.split.ratios.train = 0.9
    with pytest.raises(GtzanError) as caught:
        validate_config(cfg, ["split=leaky"], dict(cfg.hydra.runtime.choices))
    assert str(caught.value).splitlines()[1:] == [
        "  split.ratios: train + val + test is 1.2, and must be 1 (set in conf/split/leaky.yaml)"
    ]


@pytest.mark.parametrize("key", ["data", "slice", "split", "trainer", "augmentation"])
def test_an_unknown_key_is_refused(key):
    (_, line) = refusal(f"+{key}.surprise=1")
    assert line.startswith(f"  {key}.surprise = 1: ")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rerun='yes'", "rerun = yes: should be a valid boolean"),
        ("data.root=7", "data.root = 7: should be a valid string"),
        ("slice.hop_s=0", "slice.hop_s = 0: should be greater than 0"),
        ("augmentation.time_mask_share=2", "augmentation.time_mask_share = 2: should be less than or equal to 1"),
        ("features.name=chroma", "features.name = chroma: should be one of stats, logmel, mfcc"),
        ("trainer.precision=8", "trainer.precision = 8: should be '32-true', '16-mixed' or 'bf16-mixed'"),
        ("split.ratios.val=0", "split.ratios.val = 0: should be greater than 0"),
        ("split.n_folds=1", "split.n_folds = 1: should be greater than or equal to 2"),
    ],
)
def test_each_value_has_its_range(override, message):
    assert any(message in line for line in refusal(override))


@pytest.mark.parametrize("target", ["os.system", "gtzan_lightning.models.base.decay_groups", "subprocess.Popen", "MLP"])
def test_only_the_models_can_be_built_from_a_configuration(target):
    (_, line) = refusal(f"model._target_={target}")
    assert line.startswith(f"  model._target_ = {target}: ")
