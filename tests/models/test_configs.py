"""The YAML files of `conf/model` and `conf/regularization` match the constructors."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate

from gtzan_lightning.models import GenreModule

CONF = Path(__file__).parents[2] / "conf"
MODELS = sorted(path.stem for path in (CONF / "model").glob("[!_]*.yaml") if "_base" in path.read_text())  # networks
REGULARIZATIONS = sorted(path.stem for path in (CONF / "regularization").glob("[!_]*.yaml"))


def composed(model, regularization):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(overrides=[f"+model={model}", f"+regularization={regularization}"])


@pytest.mark.parametrize("regularization", REGULARIZATIONS)
@pytest.mark.parametrize("model", MODELS)
def test_every_combination_builds_a_model(model, regularization):
    module = instantiate(composed(model, regularization).model, n_steps=3, n_features=58, n_genres=10)
    assert module(torch.randn(2, 3, 58)).shape == (2, 10)


@pytest.mark.parametrize("model", MODELS)
def test_a_config_sets_exactly_the_keywords_of_its_constructor(model):
    cfg = composed(model, "none").model
    classes = (get_class(cfg["_target_"]), GenreModule)  # a model passes the base's keywords on
    keywords = [key for each in classes for key in inspect.signature(each).parameters.values()]
    assert set(cfg) - {"_target_"} == {key.name for key in keywords if key.kind == key.KEYWORD_ONLY}


def test_all_regularization_configs_have_the_same_keys():
    keys = {frozenset(composed("mlp", name).regularization) for name in REGULARIZATIONS}
    assert len(REGULARIZATIONS) == 3
    assert len(keys) == 1


@pytest.mark.parametrize(
    "path", [*CONF.glob("model/*.yaml"), *CONF.glob("regularization/*.yaml")], ids=lambda path: path.stem
)
def test_a_config_begins_with_a_comment(path):
    assert path.read_text().startswith("# ")
