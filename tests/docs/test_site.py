"""The documentation site is built strictly, without the network, with notebooks executed on generated tables."""

import html
import os
import re
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

NO_PROXY_LISTENS = "http://127.0.0.1:9"
FEW_FIGURES = """
from gtzan_lightning.training import results

for name in ("genre_figure", "reliability_figure", "risk_coverage_figure"):
    setattr(results, name, lambda *_: None)
save = results.save_figures
shown = ("confusion_clip", "learning_curves")
results.save_figures = lambda folder, figures: save(folder, {name: figures[name] for name in shown})
"""


@pytest.fixture(scope="module")
def copy(checkout, tables_root, cache_dir, tmp_path_factory):
    """A copy of the pages and the notebooks, with fewer epochs and figures, in which the site has been built."""
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "notebooks"):
        shutil.copytree(checkout / name, folder / name, ignore=shutil.ignore_patterns("outputs"))
    shutil.copy(checkout / "mkdocs.yml", folder)
    for path in (folder / "notebooks").glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert text.count("EPOCHS = 15") == 1
        path.write_text(text.replace("EPOCHS = 15", "EPOCHS = 2"), encoding="utf-8")
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "few_figures.py").write_text(FEW_FIGURES)
    variables = {"GTZAN_ROOT": str(tables_root), "GTZAN_CACHE": str(cache_dir), "NO_MKDOCS_2_WARNING": "1"}
    variables["IPYTHONDIR"] = str(folder / "ipython")
    variables |= dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), NO_PROXY_LISTENS)
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet"],
        cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder


def page(copy, name):
    return (copy / "build" / "site" / name).read_text(encoding="utf-8")


def visible_text(page):
    """The text of a page without its markup."""
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def pictures(page):
    return page.count('src="data:image/png;base64')


def test_the_replication_trains_compares_and_draws(copy):
    runs = (copy / "notebooks" / "outputs" / "runs").iterdir()
    assert sorted(path.name.rpartition("-")[0] for path in runs if path.is_dir() and "-6s-" in path.name) == [
        f"{model}-6s-{split}-max-epochs2" for model in ("lstm", "mlp") for split in ("artist", "grouped", "leaky")
    ]
    executed = page(copy, "notebooks/replication.html")
    assert "p_permutation" in executed
    assert pictures(executed) == 3


def test_own_music_is_predicted_drawn_and_exported(copy):
    executed = page(copy, "notebooks/own_music.html")
    text = visible_text(executed)
    assert "band, by telephone.flac: " in text
    assert "   very quiet: -51 dBFS" in text
    assert "Largest difference from the original: " in text
    assert "on 256 slices of the run's own validation and test parts" in text
    assert pictures(executed) == 1
    assert {path.name for path in (copy / "notebooks" / "outputs").glob("own_music.*")} == {
        f"own_music.{suffix}" for suffix in ("pt2", "json", "md")
    }
    assert str(copy) not in text


def test_formulas_are_mathml_and_tables_of_earlier_code_are_marked(copy):
    assert "<math" in page(copy, "methods.html")
    assert "Made by <code>make claims" in page(copy, "results.html")


def test_the_reference_pages_are_generated(copy):
    assert '<h2 id="regularization">' in page(copy, "configuration.html")
    assert '<h2 id="gtzan-runs-ls">' in page(copy, "commands.html")
    assert 'id="gtzan_lightning.training.train.train"' in page(copy, "api.html")
