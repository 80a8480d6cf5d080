"""Files of the project that repeat facts of the code."""

import re

import yaml

from gtzan_lightning import __version__


def test_the_citation_has_the_version(checkout):
    assert yaml.safe_load((checkout / "CITATION.cff").read_text())["version"] == __version__


def test_the_workflow_calls_existing_targets_on_supported_pythons(checkout):
    jobs = yaml.safe_load((checkout / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.10", "3.11", "3.12", "3.13"]
    targets = re.findall(r"^([a-z]+):.*##", (checkout / "Makefile").read_text(), re.MULTILINE)
    called = [step["run"].removeprefix("make ") for job in jobs.values() for step in job["steps"] if "run" in step]
    assert set(called) == {"test", "lint", "docs", "wheel"} <= set(targets)


def test_the_outputs_folder_is_part_of_a_clone_with_its_readme_only(checkout):
    assert "run.json" in (checkout / "outputs" / "README.md").read_text()
    assert {"/outputs/*", "!/outputs/README.md"} <= set((checkout / ".gitignore").read_text().splitlines())


def test_docstrings_have_sections_that_the_api_pages_understand(checkout):
    """With `Example:`, brackets in the code become links, which the strict build refuses."""
    texts = {path: path.read_text(encoding="utf-8") for path in (checkout / "gtzan_lightning").rglob("*.py")}
    assert [str(path) for path, text in texts.items() if re.search(r"^ *Example:$", text, re.MULTILINE)] == []
