"""Exported files give the probabilities of the model in onnxruntime and in PyTorch alone."""

import subprocess
import sys
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy.special import softmax
from sklearn.preprocessing import StandardScaler
from torch.onnx._internal.exporter._registration import ONNXRegistry

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.inference.export_formats import FORMATS, graph_of
from gtzan_lightning.models.portable import PortableModel
from gtzan_lightning.training.construction import make_model

pytestmark = pytest.mark.slow

TEMPERATURE = 1.3
GENRES, FEATURES = 4, 7
MODELS = ("mlp", "lstm", "reslstm", "convlstm")
SMALL = {"convlstm": ["model.hidden_size=2", "model.dense_size=8"]}


@pytest.fixture(scope="module", autouse=True)
def _one_table_of_operators():
    """PyTorch would build its table of ONNX operators for each file, which is a third of an export."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield


def trained(name, steps):
    """A small model of the named architecture whose weights and running statistics are not the initial ones."""
    torch.manual_seed(steps)
    overrides = [f"model={name}", *SMALL.get(name, ["model.hidden_size=8"])]
    if steps == 10:  # long recurrences take long to unroll
        overrides += ["model.num_layers=1", *(["model.bidirectional=false"] if name == "convlstm" else [])]
    model = make_model(validate_config(compose(overrides)), (steps, FEATURES), GENRES)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        for _ in range(3):
            model.train()(torch.randn(32, steps, FEATURES))
    return model.eval()


def music(slices, steps):
    """Features on very different scales."""
    random = np.random.default_rng(steps)
    return (10.0 ** np.arange(-3, 4) * random.normal(2, 1, (slices, steps, FEATURES))).astype(np.float32)


@cache
def graph(name, steps, scaling="standard"):
    """The graph of a model, and the model's tempered probabilities of `(slices, steps, features)`."""
    model, x = trained(name, steps), music(200, steps)
    scale = Standardisation.fitted(x.reshape(-1, FEATURES), scaling)
    reference = StandardScaler().fit(x.reshape(-1, FEATURES).astype(np.float64))

    def expected(x):
        rows = x.reshape(-1, FEATURES)
        standardised = reference.transform(rows.astype(np.float64)) if scaling == "standard" else scale.apply(rows)
        with torch.inference_mode():
            logits = model(torch.from_numpy(standardised.reshape(x.shape).astype(np.float32)))
        return softmax(logits.double().numpy() / TEMPERATURE, axis=1)

    return graph_of(PortableModel(model, scale, TEMPERATURE), steps, FEATURES), expected


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_gives_the_models_probabilities_for_any_number_of_slices(name, steps, tmp_path):
    program, expected = graph(name, steps, "quantile" if (name, steps) == ("mlp", 3) else "standard")
    FORMATS["onnx"].write(program, tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]  # no file of weights beside it
    onnx.checker.check_model(onnx.load(tmp_path / "m.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape[1:]) for each in session.get_inputs()] == [("features", [steps, FEATURES])]
    assert [(each.name, each.shape[1:]) for each in session.get_outputs()] == [("probabilities", [GENRES])]
    for slices in (1, 2, 33):
        x = music(slices, steps)
        (found,) = session.run(None, {"features": x})
        assert found.std(axis=0).max() > 0.005 or slices < 33  # predictions that differ
        np.testing.assert_allclose(found, expected(x), atol=1e-5)
        np.testing.assert_array_equal(FORMATS["onnx"].run(tmp_path / "m.onnx", x), found)


@pytest.mark.parametrize(("name", "steps"), [("mlp", 1), ("lstm", 3), ("reslstm", 2), ("convlstm", 3)])
def test_a_torch_export_round_trip(name, steps, tmp_path):
    program, expected = graph(name, steps, "quantile" if name == "mlp" else "standard")
    FORMATS["torch-export"].write(program, tmp_path / "m.pt2")
    assert [path.name for path in tmp_path.iterdir()] == ["m.pt2"]
    for slices in (1, 33):
        x = music(slices, steps)
        np.testing.assert_allclose(FORMATS["torch-export"].run(tmp_path / "m.pt2", x), expected(x), atol=1e-5)


def test_a_torch_export_does_not_need_this_package(tmp_path):
    program, expected = graph("lstm", 3)
    FORMATS["torch-export"].write(program, tmp_path / "m.pt2")
    np.save(tmp_path / "x.npy", music(5, 3))
    code = (
        "import sys, numpy as np, torch\n"
        "y = torch.export.load('m.pt2').module()(torch.from_numpy(np.load('x.npy')))\n"
        "assert 'gtzan_lightning' not in sys.modules and 'lightning' not in sys.modules\n"
        "np.save('y.npy', y.detach().numpy())\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected(music(5, 3)), atol=1e-5)


@cache
def fitted(name):
    """The graph of an estimator that has been fitted, its examples, and the probabilities of scikit-learn for them."""
    few_trees = ["model.n_estimators=20"] * (name == "forest")
    model = make_model(validate_config(compose([f"model={name}", *few_trees])), (2, FEATURES), GENRES)
    rng = np.random.default_rng(0)
    y = rng.integers(GENRES, size=120)
    x = (rng.normal(size=(120, 2, FEATURES)) + 0.7 * np.arange(GENRES)[y, None, None]).astype(np.float32)
    scale = Standardisation.fitted(x.reshape(-1, FEATURES))
    steps = scale.apply(x.reshape(-1, FEATURES)).reshape(x.shape)
    model.fit(torch.from_numpy(steps), torch.from_numpy(y))
    estimator = model.estimator
    pooled = [steps.mean(axis=1), np.sqrt(steps.var(axis=1) + 1e-6)]  # over the steps
    inputs = pooled[0] if name == "knn" else np.concatenate(pooled, axis=1)
    inputs /= inputs.std(axis=0)
    expected = (
        estimator.predict_proba(inputs)
        if hasattr(estimator, "predict_proba")
        else softmax(estimator.decision_function(inputs), axis=1)
    )
    return graph_of(PortableModel(model.eval(), scale), 2, FEATURES), x, expected


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("name", ["majority", "logreg", "svm", "lda", "knn", "forest"])
def test_an_estimator_of_scikit_learn_is_exported_without_skl2onnx(name, to, tmp_path):
    program, x, expected = fitted(name)
    FORMATS[to].write(program, tmp_path / "m")
    found, one = (FORMATS[to].run(tmp_path / "m", rows) for rows in (x, x[:1]))
    np.testing.assert_allclose(one, found[:1], atol=1e-6)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_estimator_without_a_form_of_tensors_is_refused():
    words = ["model=majority", "model._target_=sklearn.naive_bayes.GaussianNB", "~model.strategy"]
    model = make_model(validate_config(compose(words)), (1, FEATURES), GENRES)
    model.fit(torch.randn(40, 1, FEATURES), torch.arange(40) % GENRES)
    with pytest.raises(GtzanError, match="GaussianNB cannot be exported as a graph of operations"):
        graph_of(PortableModel(model, Standardisation.fitted(np.eye(FEATURES))), 1, FEATURES)


def test_a_model_that_cannot_be_exported_raises_with_the_reason(monkeypatch):
    model = trained("mlp", 1)
    monkeypatch.setattr(type(model), "forward", lambda self, x: self.head(x.mean(dim=1)) if x.sum() > 0 else x)
    with pytest.raises(GtzanError, match="MLP cannot be exported as a graph of operations: "):
        graph_of(PortableModel(model, Standardisation.fitted(np.eye(FEATURES))), 1, FEATURES)


@pytest.mark.parametrize("to", FORMATS)
def test_exports_contain_no_local_path(to, tmp_path, checkout):
    program, _ = graph("mlp", 1)
    FORMATS[to].write(program, tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    for path in (checkout, sys.prefix, tmp_path):
        assert str(path).encode() not in content
