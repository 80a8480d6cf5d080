"""`gtzan demo`: the page, its answers, and what it says of the model."""

import json
import runpy
import sys

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from gtzan_lightning.cli import demo
from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.inference.trained_run import load_run
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow


def trained(outputs, *words):
    command = [f"outputs={outputs}", "trainer.max_epochs=2", "trainer.progress=false", "model.hidden_size=16", *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        return load_run(train(compose(command), overrides=command).folder)


@pytest.fixture(scope="module")
def run(audio_root, tmp_path_factory):
    """A model of three genres of made-up audio, with slices of a second."""
    words = (f"data.root={audio_root}", "features=mfcc", "slice=3s", "slice.seconds=1")
    return trained(tmp_path_factory.mktemp("demo") / "outputs", *words)


def test_an_answer_has_a_sentence_probabilities_and_a_picture(run, audio_root):
    sentence, probabilities, picture = demo._answer_of(run)(str(audio_root / "rock" / "rock.00000.wav"))
    best, second = sorted(probabilities, key=probabilities.get)[:-3:-1]
    assert sentence.startswith(f"**{best}**, probability {probabilities[best]:.2f}; then {second}, ")
    assert "of 3 slices agree." in sentence
    assert sum(probabilities.values()) == pytest.approx(1)
    assert picture.size[0] > picture.size[1] > 100


def test_an_unreadable_file_is_named_and_no_file_has_no_answer(run, tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    sentence, probabilities, picture = demo._answer_of(run)(str(tmp_path / "text.wav"))
    assert sentence.startswith("**No answer.** ")
    assert (probabilities, picture) == (None, None)
    assert demo._answer_of(run)(None) == ("", None, None)


def test_the_accuracy_under_the_artist_split_is_found_or_the_command_given(tables_root, tmp_path):
    root, outputs = f"data.root={tables_root}", tmp_path / "outputs"
    grouped = trained(outputs, root, "split=grouped")
    wanted = f"not measured; python train.py trainer.max_epochs=2 trainer.progress=false model.hidden_size=16 {root} "
    assert demo.artist_accuracy(grouped, outputs) == f"{wanted}split=artist measures it"
    artist = ("split=artist", "split.ratios.train=0.5", "split.ratios.val=0.25", "split.ratios.test=0.25")
    trained(outputs, root, *artist, "model.dropout=0.5")  # another model
    assert demo.artist_accuracy(grouped, outputs).startswith("not measured")
    scores = trained(outputs, root, *artist).card["metrics"]["test"]["clip"]
    low, high = scores["accuracy_ci95"]
    expected = f"{scores['accuracy']:.2f} [{low:.2f}, {high:.2f}], {scores['n']} test clips"
    assert demo.artist_accuracy(grouped, outputs) == expected
    assert expected in demo._about(grouped, expected)
    assert "The model knows 10 genres only: blues, classical" in demo._about(grouped, expected)


def test_the_hosted_page_serves_the_checkpoint_beside_it(checkout, monkeypatch):
    called = []
    monkeypatch.setattr("gtzan_lightning.cli.main", lambda words: called.append(words) or 0)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(checkout / "demo" / "app.py"), run_name="__main__")
    assert called == [["demo", "best.ckpt", "--host", "0.0.0.0"]]


def test_without_gradio_the_command_to_install_it_is_given(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(GtzanError, match=r'Gradio is missing\. pip install "gtzan-lightning\[demo\]"'):
        demo.demo_page(run, "")


def test_the_page_answers_in_a_browser_and_asks_no_other_machine(run, audio_root, chromium):
    pytest.importorskip("gradio")
    page = demo.launched(demo.demo_page(run, "0.50"), "127.0.0.1", None)
    try:
        chromium.get_log("performance")
        chromium.get(page.local_url)
        wait = WebDriverWait(chromium, 60)
        wait.until(lambda tab: tab.find_elements(By.CSS_SELECTOR, "input[type=file]"))[0].send_keys(
            str(audio_root / "rock" / "rock.00000.wav")
        )
        wait.until(lambda tab: "of 3 slices agree." in tab.find_element(By.TAG_NAME, "body").text)
        wait.until(lambda tab: tab.find_elements(By.CSS_SELECTOR, "img[src*=file]"))
        messages = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
        asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        assert len(asked) > 5
        assert [url for url in asked if not url.startswith((page.local_url, "data:", "blob:"))] == []
    finally:
        page.close()
        chromium.get_log("browser")
