"""Code, configuration and documentation use the terms of `docs/glossary.md`; this lists the terms that are not used."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
SEARCHED = ("gtzan_lightning", "conf", "docs", "notebooks", "README.md", "CONTRIBUTING.md", "train.py")
SUFFIXES = {".py", ".yaml", ".md", ".ipynb", ".html", ".css", ".js", ".jinja"}
REPLACEMENTS = {  # regular expression of a term, in lower case and without adjacent letters: its replacement
    r"rungs?": "split (of the leakage ladder)",
    r"suspect(s|ed)?": "protocol ablation",
    r"libert(y|ies)": "protocol ablation",
    r"stamp(s|ed|ing)?": "leakage warning",
    r"placebos?": "random-label control, random_labels=track",
    r"renditions?": "augmented copy",
    r"(un)?familiar(ity)?": "out-of-distribution (OOD) score",
    r"unlikeness|unlike (the )?training": "out-of-distribution (OOD) score",
    r"surest": "most confident",
    r"rooms?": "package",
    r"verbs?": "command",
    r"dice": "rng",
    r"contests?": "ranking",
    r"told|tells?|telling": "reported, reports",
    r"heard|hears?|hearing": "preprocessed, read, in the training part",
    r"deals?|dealt|dealing": "assigned, assignment",
    r"as trained|as_trained": "uncalibrated",
    r"at temperature": "temperature-scaled",
    r"(is|are|was|were) worth|what .* worth|worth .* of equal size": "accuracy drop; effective number of artists",
    r"prices?": "accuracy drop",
    r"independent units?|units\.csv": "cluster, clusters.csv",
    r"scales? (was )?fitted on all|fitted on all parts": "normalisation fitted on all data",
    r"epochs? (was )?chosen on test": "model selection on the test set",
    r"(same|whose) question": "config hash, configuration",
}
MODULES = {  # retired names of modules
    "case", "choosing", "contest", "dealing", "dice", "evidence", "getting", "hearing", "members", "opening", "origin",
    "procedure", "rebuilding", "subject", "units",
}  # fmt: skip
REVERBERATION = "the room of a simulated reverberation"
ALLOWED = {  # (file, term as found): an ordinary use
    ("conf/augmentation/_base.yaml", "room"): REVERBERATION,
    ("gtzan_lightning/corpus/download.py", "room"): "space on a disk",
    ("gtzan_lightning/corpus/synthesis/genre_styles.yaml", "room"): REVERBERATION,
    ("gtzan_lightning/corpus/synthesis/render.py", "room"): REVERBERATION,
    ("gtzan_lightning/corpus/synthesis/score.py", "room"): REVERBERATION,
    ("gtzan_lightning/corpus/synthesis/style.py", "room"): REVERBERATION,
    ("gtzan_lightning/features/augmented_audio.py", "room"): REVERBERATION,
    ("gtzan_lightning/features/feature_request.py", "room"): REVERBERATION,
    ("gtzan_lightning/sweeps/optuna_study.py", "tell"): "a method of Optuna",
}


def texts():
    """Path below the checkout and text of each searched file."""
    for name in SEARCHED:
        top = CHECKOUT / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.suffix in SUFFIXES:
                yield str(path.relative_to(CHECKOUT)), path.read_text(encoding="utf-8")


def retired(text, term):
    """Occurrences of a term, as line number and match; capitals at the start of a word of an identifier separate it."""
    pattern = re.compile(rf"(?<![a-z])(?:{term})(?![a-z])")
    for number, line in enumerate(text.splitlines(), start=1):
        separated = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", line).lower()
        yield from ((number, match.group()) for match in pattern.finditer(separated))


@pytest.mark.parametrize("term", REPLACEMENTS)
def test_retired_terms_are_not_used(term):
    found = [
        f"{file}:{number}: '{match}' -> {REPLACEMENTS[term]}"
        for file, text in texts()
        for number, match in retired(text, term)
        if (file, match) not in ALLOWED
    ]
    assert found == [], "\n" + "\n".join(found)


def test_no_module_has_a_retired_name():
    assert [str(path) for path in (CHECKOUT / "gtzan_lightning").rglob("*.py") if path.stem in MODULES] == []


@pytest.mark.parametrize(("file", "word"), ALLOWED)
def test_each_allowed_use_still_exists(file, word):
    assert word in (CHECKOUT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "found"), [("a Placebo run", True), ("PlaceboRun", True), ("placebo_run", True), ("timestamps", False)]
)
def test_terms_are_found_in_prose_and_identifiers(line, found):
    assert any(match for term in REPLACEMENTS for match in retired(line, term)) == found
