"""Models from outside: estimators of scikit-learn, a plain nn.Module and a GenreModule of the user's own package."""

import json
import sys

import pytest
import torch

from gtzan_lightning import compose, load_run, train
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training import results
from gtzan_lightning.training.construction import check_objects, make_model
from gtzan_lightning.utils.code_hash import _file_of

pytestmark = pytest.mark.slow

OWN = """
import torch
from torch import nn
from gtzan_lightning.models.base import GenreModule

class Plain(nn.Module):
    def __init__(self, n_features, n_genres, width=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_genres))
    def forward(self, x):
        return self.net(x.mean(dim=1))

class Own(GenreModule):
    def __init__(self, *shape, power: float = 1.0, **recipe):
        super().__init__(*shape, **recipe)
        self.head = nn.Linear(self.n_features, self.n_genres)
        self.power = power
    def forward(self, x):
        return self.power * self.head(x[:, -1])

class Wide(Plain):
    def __init__(self, n_features, n_genres):
        super().__init__(n_features, n_genres + 1)

class Steps(Plain):
    def forward(self, x):
        return self.net(x)

class Pair(Plain):
    def forward(self, x):
        return super().forward(x), x

class Square(Plain):
    def forward(self, x):
        return x @ x

class Fixed(nn.Module):
    def __init__(self, n_genres):
        super().__init__()
        self.n_genres = n_genres
    def forward(self, x):
        return x.new_zeros(len(x), self.n_genres)

class Least(Own):
    monitor, mode = "val/loss", "min"
"""


@pytest.fixture
def own_package(tmp_path):
    """`mypkg.py` in the working directory."""
    (tmp_path / "mypkg.py").write_text(OWN)
    yield
    sys.modules.pop("mypkg", None)
    _file_of.cache_clear()
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})


def trained(tables_root, *words):
    words = [f"data.root={tables_root}", "trainer.progress=false", *words]
    return train(compose(words), overrides=words)


def built(*words):
    return make_model(validate_config(compose(words)), (2, 5), 3)


def test_the_key_of_an_earlier_version_is_refused_on_the_command_line():
    words = ["model=svm", "+model.steps=mean"]
    with pytest.raises(GtzanError, match=r"model\.steps: SVC has no such argument\."):
        check_objects(validate_config(compose(words)), words)


def test_an_estimator_pools_the_steps():
    assert built("model=svm").pool.statistics == ("mean", "std")
    assert built("model=svm", "model.pooling=null").pool is None
    assert built("model=svm", "model.pooling=null", "+model.steps=mean").pool.statistics == ("mean",)  # 0.1


@pytest.mark.parametrize("name", ["majority", "logreg", "svm", "lda", "knn", "forest"])
def test_an_estimator_is_a_run_like_any_other(tables_root, name):
    run = trained(tables_root, f"model={name}", "slice=6s")
    assert run.card["status"] == "done"
    assert run.card["training"]["epochs"] == 1
    accuracy = run.card["metrics"]["test"]["window"]["accuracy"]
    assert accuracy == pytest.approx(0.1) if name == "majority" else accuracy > 0.2
    loaded = load_run(run.folder)
    assert loaded.model.name == run.card["model"]["name"]
    assert loaded.probabilities(torch.zeros(3, 2, 55).numpy()).shape == (3, 10)


def test_the_seed_of_the_run_is_the_random_state():
    assert built("model=forest", "seed=7").estimator.random_state == 7
    assert built("model=forest", "+model.random_state=3", "seed=7").estimator.random_state == 3


def test_any_estimator_by_target_needs_trust_to_be_loaded(tables_root):
    run = trained(tables_root, "model=majority", "model._target_=sklearn.naive_bayes.GaussianNB", "~model.strategy")
    assert run.card["model"]["name"] == "GaussianNB"
    with pytest.raises(GtzanError, match=r"sklearn\.naive_bayes\.GaussianNB as a pickle.*--trust sklearn"):
        load_run(run.folder)
    found = load_run(run.folder, trust=["sklearn"]).probabilities(torch.zeros(3, 1, 55).numpy())
    assert found.shape == (3, 10)


@pytest.mark.usefixtures("own_package")
@pytest.mark.parametrize(("name", "key"), [("Plain", "width=4"), ("Own", "power=2.0")])
def test_a_model_of_the_working_directory_trains_and_loads_with_trust_only(tables_root, name, key):
    run = trained(tables_root, f"model._target_=mypkg.{name}", f"+model.{key}", "trainer.max_epochs=2")
    assert run.card["model"]["name"] == name
    with pytest.raises(GtzanError, match=rf"its model is mypkg\.{name}, whose code would run.*--trust mypkg"):
        load_run(run.folder)
    loaded = load_run(run.folder, trust=["mypkg"])
    assert loaded.probabilities(torch.zeros(3, 1, 55).numpy()).shape == (3, 10)
    assert json.loads((run.folder / "run.json").read_text())["overrides"]


@pytest.mark.usefixtures("own_package")
def test_a_plain_module_gets_the_recipe_of_the_regularization():
    model = built("model._target_=mypkg.Plain", "regularization=strong", "model.lr=0.02")
    assert (model.label_smoothing, model.feature_noise) == (0.1, 0.2)
    assert model.optimization.optimizer_options == {"lr": 0.02, "weight_decay": 0.1}


@pytest.mark.usefixtures("own_package")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model._target_=mypkg.Plain", "+model.widht=3"], "model.widht: Plain has no such argument."),
        (["model._target_=mypkg.Plain", "+model.widht=3"], "Its keys: width."),
        (["model._target_=mypkg.Own", "+model.pover=3"], "model.pover: Own has no such argument."),
        (["model=svm", "+model.c=3"], "model.c: SVC has no such argument."),
        (["model._target_=mypkg.Nothing"], "model._target_=mypkg.Nothing: cannot be imported"),
        (["model._target_=subprocess.Popen"], "it is neither a GenreModule, nor an nn.Module"),
        (["model._target_=os.system"], "model._target_=os.system: cannot be imported"),
        (["model=svm", "trainer.devices=2"], "trainer.devices=2: SVC is fitted in one process."),
    ],
)
def test_a_wrong_key_or_class_is_named(words, message):
    with pytest.raises(GtzanError) as caught:
        built(*words)
    assert message in str(caught.value)


@pytest.mark.usefixtures("own_package")
def test_the_last_epoch_is_kept_also_of_a_model_with_a_score_to_minimise(tables_root):
    words = ["model._target_=mypkg.Least", "trainer.best_epoch_on=last", "regularization=none", "trainer.max_epochs=3"]
    run = trained(tables_root, *words)
    best, last = (torch.load(run.folder / name, weights_only=True) for name in ("best.ckpt", "last.ckpt"))
    assert (best["epoch"], last["epoch"]) == (2, 2)
    assert all(torch.equal(tensor, last["state_dict"][key]) for key, tensor in best["state_dict"].items())


def test_an_optimizer_that_computes_the_loss_again_gets_its_closure(tables_root):
    words = ["optimizer._target_=torch.optim.LBFGS", "optimizer.weight_decay=0", "scheduler=step"]
    run = trained(tables_root, *words, "trainer.gradient_clip_val=null", "trainer.max_epochs=1")
    assert run.card["status"] == "done"


@pytest.mark.usefixtures("own_package")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Wide", "forward takes (batch, 2, 55) and returns (batch, 10), one logit for each genre; for two examples it "
                 "returns (2, 11)."),
        ("Steps", "for two examples it returns (2, 2, 10)."),
        ("Pair", "for two examples it returns tuple."),
        ("Square", "returns (batch, 10), and for two examples it fails: Expected size for first two dimensions"),
        ("Fixed", "model._target_=mypkg.Fixed: it has no parameters to train."),
    ],
)  # fmt: skip
def test_a_network_with_another_output_is_refused_before_the_training(tables_root, name, message):
    with pytest.raises(GtzanError) as caught:
        trained(tables_root, f"model._target_=mypkg.{name}", "slice=6s")
    assert message in str(caught.value)
