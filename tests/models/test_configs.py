"""The YAML members fit the constructors, and every member of a group has the same keys."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from gtzan_lightning.models import GenreModule

CONF = Path(__file__).parents[2] / "conf"
MODELS = sorted((CONF / "model").glob("*.yaml"))
REGULARIZATIONS = sorted((CONF / "regularization").glob("*.yaml"))


@pytest.mark.parametrize("regularization", REGULARIZATIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_pair_of_members_builds_a_model(model, regularization):
    cfg = OmegaConf.create({"model": OmegaConf.load(model), "regularization": OmegaConf.load(regularization)})
    module = instantiate(cfg.model, n_steps=3, n_features=58, n_genres=10)
    assert module(torch.randn(2, 3, 58)).shape == (2, 10)


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_a_member_sets_every_key_of_its_constructor(model):
    cfg = OmegaConf.load(model)
    classes = (get_class(cfg["_target_"]), GenreModule)  # a model passes the base's keys on
    keywords = [key for each in classes for key in inspect.signature(each).parameters.values()]
    assert set(cfg) - {"_target_"} == {key.name for key in keywords if key.kind == key.KEYWORD_ONLY}


def test_the_members_of_regularization_have_the_same_keys():
    keys = {frozenset(OmegaConf.load(path)) for path in REGULARIZATIONS}
    assert len(REGULARIZATIONS) == 3
    assert len(keys) == 1


@pytest.mark.parametrize("path", MODELS + REGULARIZATIONS, ids=lambda path: path.stem)
def test_a_member_begins_with_what_it_is(path):
    assert path.read_text().startswith("# ")
