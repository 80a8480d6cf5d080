"""An own folder of configuration files, as in any Hydra application, and hints for names that are different here."""

import pytest

from gtzan_lightning import cli
from gtzan_lightning.config.composition import ConfigSources, compose
from gtzan_lightning.config.overrides import FROM_TEMPLATE, Catalogue, check_overrides, checked_composition
from gtzan_lightning.errors import GtzanError

FAST = ("debug=fast", "trainer.progress=false")
MODEL = "defaults: [_base, _self_]\n_target_: gtzan_lightning.models.MLP\nhidden_size: 16\nnum_layers: 1\nlr: 0.01\n"
EXPERIMENT = "# @package _global_\ndefaults:\n  - override /model: mine\nseed: 3\n"


@pytest.fixture
def own_conf(tmp_path):
    """`conf/model/mine.yaml`, `conf/experiment/mine.yaml` and `conf/main.yaml`."""
    for name, text in {
        "model/mine.yaml": MODEL,
        "experiment/mine.yaml": EXPERIMENT,
        "main.yaml": "defaults: [train, _self_]\nseed: 5\n",
    }.items():
        (tmp_path / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / name).write_text(text)
    return tmp_path / "conf"


@pytest.mark.usefixtures("own_conf")
@pytest.mark.parametrize(
    ("words", "seeds"),
    [
        (("--config-dir", "conf", "experiment=mine"), {3}),
        (("-cd=conf", "model=mine"), {0}),
        (("--config-path=conf", "--config-name", "main", "model=mine"), {5}),
        (("experiment=mine", "hydra.searchpath=[file://{conf}]"), {3}),
        (("-m", "-cd", "conf", "model=mine", "seed=1,2"), {1, 2}),
        (("-m", "hydra.searchpath=[file://{conf}]", "model=mine", "seed=1,2"), {1, 2}),
    ],
)
def test_own_members_run(command, tables_root, own_conf, words, seeds):
    ended = command(f"data.root={tables_root}", *FAST, *(word.format(conf=own_conf) for word in words))
    assert (ended.status, ended.err) == (0, "")
    cards = [card for card in ended.cards().values() if "seed" in card]
    assert {card["seed"] for card in cards} == seeds
    assert all(run.startswith("mine-3s-grouped") for run in ended.cards())


@pytest.mark.usefixtures("own_conf")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-cd", "conf", "model=mien"), "model=mien: unknown. Did you mean mine?"),
        (("-cd", "conf", "experiment=mne"), "experiment=mne: unknown. Did you mean mine?"),
        (("-cd", "nowhere"), "--config-dir nowhere: there is no such folder."),
        (("-cd", "conf", "-cp", "conf"), "--config-dir and --config-path: give one of them"),
        (("split=leaky,grouped",), "several values need train.py -m; a list is written 'split=[leaky,grouped]'"),
    ],
)
def test_mistakes_are_compared_with_what_is_in_all_sources(command, words, message):
    ended = command(*words)
    assert ended.status == 2
    assert message in ended.err


def test_the_catalogue_lists_own_members(own_conf):
    search = [f"hydra.searchpath=[file://{own_conf}]"]
    assert "mine" in Catalogue(overrides=search).members("model")
    assert "mine" not in Catalogue().members("model")
    assert compose(["experiment=mine"], config_dir=own_conf).model.hidden_size == 16


@pytest.mark.parametrize("override", ["~augmentation", "+new=1", "++seed=3", "data.root='a b'", 'data.root="a\'b"'])
def test_what_the_grammar_of_hydra_takes_is_taken(override):
    check_overrides([override])


@pytest.mark.parametrize(
    ("argument", "copied"),
    [
        ("data.root=/a=b", "\"data.root='/a=b'\""),
        ("data.root=/a [live]", "\"data.root='/a [live]'\""),
        ("data.root=/a#1", "\"data.root='/a#1'\""),
        ("data.root=/a & b", "\"data.root='/a & b'\""),
        ("data.root=/it's", "'data.root='\"'\"'/it\\'\"'\"'s'\"'\"''"),
        ("data.root=/müsic", "\"data.root='/müsic'\""),
    ],
)
def test_a_name_that_the_grammar_refuses_gets_the_quoted_form(argument, copied):
    with pytest.raises(GtzanError) as caught:
        check_overrides([argument])
    assert str(caught.value).endswith(copied)


@pytest.mark.parametrize("key", FROM_TEMPLATE)
def test_a_key_of_the_template_gets_a_hint(key):
    with pytest.raises(GtzanError) as caught:
        check_overrides([f"{key}=1"])
    assert FROM_TEMPLATE[key] in str(caught.value)


@pytest.mark.usefixtures("own_conf")
def test_commands_take_the_same_configuration(tables_root, capsys):
    root = f"data.root={tables_root}"
    assert cli.main(["audit", "-cd", "conf", "experiment=mine", root]) == 0
    assert cli.main(["audit", "experiment=mine", root]) == 2
    assert "experiment=mine: unknown." in capsys.readouterr().err
    assert cli.main(["audit", "split=grouped,leaky", root]) == 2
    assert "split=grouped,leaky: several values need train.py -m" in capsys.readouterr().err
    assert cli.main(["audit", "model.kernel_size=3", root]) == 2
    assert "model.kernel_size: the selected member of the group has no such key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trainer.max_epoch=3"], "there is no key 'trainer.max_epoch'. Did you mean trainer.max_epochs?"),
        (["trainer.precison=32-true"], "there is no key 'trainer.precison'. Did you mean trainer.precision?"),
        (["trainer.limit_test_batches=2"], "there is no key 'trainer.limit_test_batches'. Did you mean"),
        (["+trainer.acumulate_grad_batches=2"], "Did you mean trainer.accumulate_grad_batches?"),
        (
            ["model=lstm", "optimizer=sgd", "model.lr=0.1"],
            "model.lr=0.1: not used, since the optimizer has",
        ),
        (["model=svm", "+model.lr=0.1"], "model.lr: SVC has no such argument."),
        (["model=svm", "+model.hidden_size=64"], "model.hidden_size: SVC has no such argument."),
    ],
)
def test_a_key_without_an_effect_is_refused_before_any_work(command, tables_root, words, message):
    ended = command(f"data.root={tables_root}", *words)
    assert (ended.status, ended.out) == (2, "")
    assert message in ended.err
    assert not ended.cards()


@pytest.mark.parametrize(
    "word",
    ["split=grouped,leaky", "seed=range(0,3)", "hydra/launcher=no", "data.root=${no}", "+x@y.z=1", "~nothing", "a b=1"],
)
def test_a_command_of_one_configuration_reports_what_train_py_reports(command, capsys, word):
    ended = command(word)
    assert cli.main(["audit", word]) == ended.status == 2
    assert capsys.readouterr().err.strip() == ended.err.strip() != ""


def test_one_composition_makes_all_checks(monkeypatch):
    composed, compose_once = [], ConfigSources.compose
    monkeypatch.setattr(ConfigSources, "compose", lambda *words: composed.append(words) or compose_once(*words))
    assert checked_composition(["model=lstm", "seed=3"], ConfigSources()).seed == 3
    assert len(composed) == 1
    with pytest.raises(GtzanError, match=r"model=_base: unknown\. Members of model:"):
        checked_composition(["model=_base"], ConfigSources())


def test_folders_with_members_of_the_same_name_do_not_mix(tmp_path):
    for width in (8, 16):
        folder = tmp_path / str(width)
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "mine.yaml").write_text(f"_target_: mypkg.Mine\nwidth: {width}\n")
        assert compose(["model=mine"], config_dir=folder).model.width == width
