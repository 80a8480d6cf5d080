"""The config hash and the name of a run: equal for equal configurations, different for different ones."""

from functools import cache

import pytest

from gtzan_lightning.config.composition import _varied, compose, run_dir
from gtzan_lightning.config.identity import config_hash, existing_runs, flat, run_name

MODELS = ("mlp", "lstm", "reslstm", "convlstm")
WITHOUT_EFFECT = {
    "tags", "task_name", "logger.tensorboard._target_",
    "outputs", "rerun", "reuse", "cache_dir", "study", "data.kind", "data.root", "data.source", "data.n_jobs",
    "data.metadata", "data.name", "data.min_tracks", "features.path",  # what they lead to is in the hash of the corpus
    "data.max_skipped_share", "trainer.accelerator", "trainer.devices",
    "trainer.strategy", "trainer.threads", "trainer.save_every_s", "trainer.progress", "sweep.on_error",
}  # fmt: skip


@cache
def plain(*overrides):
    """The composed configuration as nested plain values; read-only by agreement."""
    from omegaconf import OmegaConf

    cfg = compose(overrides)
    return {key: OmegaConf.to_container(cfg[key], resolve=True) if OmegaConf.is_config(cfg[key]) else cfg[key]
            for key in cfg if key != "hydra"}  # fmt: skip


def changed(config, key, value):
    """A copy with one dotted key set."""
    head, _, rest = key.partition(".")
    return {**config, head: changed(config[head], rest, value) if rest else value}


def hash_of(config, sha256="corpus", world_size=1):
    return config_hash(config, sha256, world_size=world_size)


def another(value):
    """A different value of the same kind."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, (int, float)) else f"{value}x"


DEFAULT = plain()


def test_the_order_of_overrides_does_not_change_the_hash():
    assert hash_of(plain("model=lstm", "seed=3")) == hash_of(plain("seed=3", "model=lstm"))
    assert len(hash_of(DEFAULT)) == 8
    assert int(hash_of(DEFAULT), 16) >= 0


@pytest.mark.parametrize("key", sorted(set(flat(plain("model=convlstm"))) - WITHOUT_EFFECT))
def test_every_key_with_an_effect_changes_the_hash(key):
    config = plain("model=convlstm")
    assert hash_of(changed(config, key, another(flat(config)[key]))) != hash_of(config)


@pytest.mark.parametrize("key", sorted(WITHOUT_EFFECT))
def test_keys_without_effect_do_not_change_the_hash(key):
    assert key in flat(DEFAULT), "a key that the configuration does not have"
    assert hash_of(changed(DEFAULT, key, another(flat(DEFAULT)[key]))) == hash_of(DEFAULT)


@pytest.mark.parametrize("section", ["study", "sweep"])
def test_a_section_about_the_analysis_does_not_change_the_hash(section):
    assert hash_of({**DEFAULT, section: {"_target_": "package.Study", "more": {"nested": 1}}}) == hash_of(DEFAULT)


def test_model_selection_on_the_test_set_changes_the_hash():
    assert hash_of(changed(DEFAULT, "trainer.best_epoch_on", "test")) != hash_of(DEFAULT)


def test_the_corpus_and_the_number_of_processes_change_the_hash():
    assert len({hash_of(DEFAULT), hash_of(DEFAULT, "other corpus"), hash_of(DEFAULT, world_size=2)}) == 3


def test_each_member_of_a_group_has_its_own_hash():
    commands = [*([f"model={model}"] for model in MODELS), ["slice=6s"], ["split=leaky"], ["features=mfcc"]]
    assert len({hash_of(plain(*command)) for command in commands}) == len(commands)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("slice=6s", "slice.seconds=6"),
        ("slice.seconds=6", "slice.seconds=6.0"),
        ("trainer.gradient_clip_val=2", "trainer.gradient_clip_val=2.0"),
        ("model=mlp", "seed=0"),
        ("trainer=cpu", "trainer=gpu"),
        ("outputs=a", "outputs=b"),
        ("data=gtzan", "data=folder"),  # they differ by the hash of the corpus
    ],
)
def test_two_spellings_of_a_configuration_have_the_same_hash(one, other):
    assert hash_of(plain(one)) == hash_of(plain(other))


def test_a_manifest_is_hashed_by_its_content(tmp_path):
    for name, text in (("a.csv", "x"), ("b.csv", "x"), ("c.csv", "y")):
        (tmp_path / name).write_text(text)
    a, b, c = (hash_of(changed(DEFAULT, "split.manifest", str(tmp_path / f"{name}.csv"))) for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize(
    ("overrides", "slug"),
    [
        ([], "mlp-3s-grouped"),
        (["model=lstm", "slice=6s", "split=leaky"], "lstm-6s-leaky"),
        (["model=lstm", "regularization=none", "split.fold=2", "split.n_folds=5", "seed=1"],
         "lstm-3s-grouped-none-regularization-seed1-fold2-n-folds5"),
        (["features=mfcc", "data=synthetic"], "mlp-3s-grouped-synthetic-mfcc"),
        (["model.lr=0.01", "data.root=/music", "trainer.progress=false", "hydra.run.dir=x"], "mlp-3s-grouped-lr0.01"),
        (["slice.seconds=12"], "mlp-12s-grouped-seconds12"),
    ],
)  # fmt: skip
def test_the_slug_contains_the_overrides(overrides, slug):
    name = run_name(plain(*overrides), overrides, "0123abcd", compose(overrides).hydra.runtime.choices.model)
    assert name == f"{slug}-0123abcd"


def test_a_trial_of_a_search_has_a_short_name():
    overrides = ["experiment=search", "model=lstm", "model.lr=0.01"]
    assert run_name(DEFAULT | {"search": {"folds": 3}}, overrides, "0123abcd", "lstm") == "lstm-trial-0123abcd"


def test_a_name_is_a_short_plain_file_name():
    overrides = [f"model.lr=0.{number:09d}" for number in range(40)]
    name = run_name(DEFAULT, overrides, "0123abcd")
    assert len(name) <= 110
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def test_a_run_is_found_by_its_config_hash(tmp_path):
    (tmp_path / "mlp-3s-grouped-0123abcd").mkdir()
    (tmp_path / "mlp-3s-grouped-0123abcd.1").mkdir()
    (tmp_path / ".mlp-3s-grouped-4567abcd.lock").touch()
    assert existing_runs(tmp_path)["0123abcd"] == "mlp-3s-grouped-0123abcd"
    assert "4567abcd" not in existing_runs(tmp_path)
    assert existing_runs(tmp_path / "nowhere") == {}


def test_the_folder_of_two_spellings_is_one(tables_root):
    root = [f"data.root={tables_root}"]
    first = run_dir(compose([*root, "slice=6s"]), [*root, "slice=6s"])
    first.mkdir(parents=True)
    assert run_dir(compose([*root, "slice.seconds=6"]), [*root, "slice.seconds=6"]) == first


def test_the_data_change_the_name_but_not_their_path(tables_root, own_tables, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tables_root)
    named = [run_dir(compose([f"data.root={root}"])).name for root in (tables_root, link, own_tables)]
    assert named[0] == named[1] != named[2]


@pytest.mark.parametrize("wrong", ["slice.seconds=abc", "trainer.devices=x", "data.root=5", "data.kind=x"])
def test_an_invalid_configuration_has_a_folder_for_its_record(wrong):
    assert run_dir(compose([wrong]), [wrong]).parent.name == "runs"


@pytest.mark.parametrize("reference", ["${split.seed}", r"$\{split.seed\}"])  # as typed, and as Hydra hands it to a job
def test_a_value_that_refers_to_another_key_is_not_in_the_name(reference):
    assert run_name(DEFAULT, [f"seed={reference}", "split.seed=3"], "0" * 8) == "mlp-3s-grouped-seed3-00000000"


def test_the_folder_of_a_sweep_names_what_varies():
    words = ["split.seed=0,1", "model=mlp,lstm", "data.root=/x", "model.lr=interval(0.1,1)"]
    assert _varied(sorted(words)) == "lr-model-seed"
    assert _varied(["experiment=ladder", "model=mlp,lstm"]) == "ladder-model"
    assert _varied(["model=mlp"]) == "sweep"
