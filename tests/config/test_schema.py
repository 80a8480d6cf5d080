"""Validation of the configuration: every mistake at once, with the place where it was set."""

import pytest

from gtzan_lightning.config.composition import compose, conf_dir
from gtzan_lightning.config.identity import flat
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.kinds import stats
from gtzan_lightning.studies.claims import PublishedClaims, ReplicationTable
from gtzan_lightning.studies.rankings import PairedVariants, PublishedRankings
from gtzan_lightning.studies.study import study_class

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
def test_every_published_row_has_a_preset_with_a_study_and_its_settings(preset):
    study = validate_config(compose([f"experiment={preset}"])).study.model_dump(by_alias=True)
    classes = {
        "variants": PublishedRankings,
        "future": PairedVariants,
        "paper": PublishedClaims,
        "replication": ReplicationTable,
    }
    assert study_class(study) is classes[preset.partition("_")[0]]


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ("{level: clip}", "  study._target_: Field required"),
        ("{_target_: Study}", "  study._target_ = Study: String should match pattern"),
        ("5", "  study = 5: should be a valid dictionary"),
    ],
)
def test_a_study_names_its_class(study, message):
    (_, line) = refusal(f"study={study}")
    assert line.startswith(message)


def test_each_ablation_changes_one_key():
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
    assert config.model.model_extra == {"bidirectional": True, "pooling": ["mean", "std"]}
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


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("split.manifest={trian: a.csv}", "split.manifest.trian = trian: should be 'train', 'val' or 'test'"),
        ("data.genres.aliases={other: 3}", "data.genres.aliases.other = 3: should be a valid string"),
        ("features.nets=[foo]", "features.nets.0 = foo: should be 'msd' or 'mtt'"),
        (
            "features.columns.idd=name",
            "features.columns.idd = idd: should be 'id', 'genre', 'window', 'start', 'length' or 'part'",
        ),
    ],
)
def test_a_mistake_within_a_value_has_the_key_as_it_is_written(override, line):
    assert refusal(override, with_choices=True)[1:] == [f"  {line} (set by {override})"]


def test_keys_of_open_sections_are_written_like_others():
    config = validate_config(compose(["features.columns.id=name", "data.genres.aliases.bluse=blues"]))
    assert (config.features.columns, config.data.genres.aliases) == ({"id": "name"}, {"bluse": "blues"})


def test_a_value_of_a_file_is_found_in_the_file():
    cfg = compose(["split=leaky"])
    cfg.split.ratios.train = 0.9
    with pytest.raises(GtzanError) as caught:
        validate_config(cfg, ["split=leaky"], dict(cfg.hydra.runtime.choices))
    assert str(caught.value).splitlines()[1:] == [
        "  split.ratios: train + val + test is 1.2, and must be 1 (set in conf/split/leaky.yaml)"
    ]


@pytest.mark.parametrize("key", ["data", "slice", "split", "augmentation"])
def test_an_unknown_key_is_refused(key):
    (_, line) = refusal(f"+{key}.surprise=1")
    assert line.startswith(f"  {key}.surprise = 1: ")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rerun='yes'", "rerun = yes: should be a valid boolean"),
        ("data.name=7", "data.name = 7: should be a valid string"),
        ("slice.hop_s=0", "slice.hop_s = 0: should be greater than 0"),
        ("augmentation.time_mask_share=2", "augmentation.time_mask_share = 2: should be less than or equal to 1"),
        ("features.name=chroma", "features.name = chroma: should be one of logmel, mfcc, musicnn, stats"),
        ("trainer.precision=8", "trainer.precision = 8: should be '32-true', '16-mixed' or 'bf16-mixed'"),
        ("split.ratios.val=-0.1", "split.ratios.val = -0.1: should be greater than or equal to 0"),
        ("split.n_folds=1", "split.n_folds = 1: should be greater than or equal to 2"),
    ],
)
def test_each_value_has_its_range(override, message):
    assert any(message in line for line in refusal(override))


def test_a_target_is_a_dotted_name():
    (_, line) = refusal("model._target_=MLP")
    assert line.startswith("  model._target_ = MLP: ")


def test_statistics_are_used_without_the_columns_that_are_constant_or_not_reproducible():
    def composed(*overrides):
        return validate_config(compose(overrides), overrides)

    assert composed().features.drop == list(stats.DROPPED) == ["length", "harmony_mean", "perceptr_mean"]
    for name in ("replication_mlp_3s", "replication_lstm_9s", "paper_lstm_6s"):
        assert composed(f"experiment={name}").features.drop is None  # published networks on the published columns
