"""README and documentation agree with the code: links, tables, commands, and the generated reference pages."""

import importlib.util
import re
import shlex

import pytest

from gtzan_lightning import cli
from gtzan_lightning.config import overrides
from gtzan_lightning.config.overrides import Catalogue, check_overrides

INCLUDED = re.compile(r"<!-- begin (\S+) -->\n(.*?)<!-- end \1 -->", re.DOTALL)
FENCED, IN_TABLE = (
    re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE),
    re.compile(r"`((?:gtzan|python train\.py) [^`]*)`"),
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
OPTIONS = {"-m", "--multirun", "--help", "--cfg", "job"}
OWN_FOLDER = {"--config-dir", "--config-path", "-cd", "-cp"}
MAKE = re.compile(r"^([a-z]+):.*##", re.MULTILINE)


def pages(checkout):
    return [checkout / "README.md", *sorted((checkout / "docs").glob("*.md"))]


def commands(checkout):
    """Every command line in the README and the pages, with its file."""
    for path in pages(checkout):
        text = path.read_text(encoding="utf-8")
        for block in FENCED.findall(text):
            joined = block.replace("\\\n", " ")
            yield from ((path.name, line.partition(" #")[0].strip()) for line in joined.splitlines() if line.strip())
        inline = IN_TABLE.findall(FENCED.sub("", text))
        yield from ((path.name, line) for line in inline if len(line.split()) > 2)  # shorter ones name a command


@pytest.fixture(scope="session")
def hooks(checkout):
    """docs/hooks.py as a module."""
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    spec = importlib.util.spec_from_file_location("docs_hooks", checkout / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_is_short_and_has_one_table_of_results(checkout):
    text = (checkout / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert len(INCLUDED.findall(text)) == 1


def test_each_included_table_equals_its_file(checkout):
    found = 0
    for path in pages(checkout):
        for name, block in INCLUDED.findall(path.read_text(encoding="utf-8")):
            head, _, table = (checkout / name).read_text(encoding="utf-8").partition("\n\n")
            known = re.fullmatch(r"<!-- (python|make) .+ -->(\n<!-- code [0-9a-f]{8} -->)?", head)
            assert known, f"{name}: its first lines name no command, or another code than a hash"
            assert block == table, f"{path.name}: differs from {name}; run make results"
            found += 1
    assert found >= 7


def test_each_linked_file_exists(checkout):
    generated = {"configuration.md", "commands.md", "notebooks/replication.ipynb", "notebooks/own_music.ipynb"}
    missing = [
        f"{path.name}: {target}"
        for path in pages(checkout)
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if "://" not in target and target not in generated and not (path.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.slow
def test_each_command_is_accepted(checkout, monkeypatch):
    monkeypatch.setattr(overrides, "_is_installed", lambda _: True)  # the launchers of extras
    targets = MAKE.findall((checkout / "Makefile").read_text(encoding="utf-8"))
    seen = 0
    for file, line in commands(checkout):
        words = shlex.split(line)
        words = words[next((i for i, word in enumerate(words) if "=" not in word), 0) :]
        if words[0] == "make":
            assert words[1].startswith(".venv/") or words[1] in targets, f"{file}: {line}"
        elif words[0].endswith("gtzan") and words[1] in cli.COMMANDS and words[1] != "train":
            cli.parser().parse_args(words[1:])
        elif OWN_FOLDER & set(words):  # an example of a folder with own configurations
            continue
        elif words[:2] == ["python", "train.py"] or words[:2] == ["gtzan", "train"]:
            check_overrides([word for word in words[2:] if word not in OPTIONS], multirun="-m" in words)
        elif words[0].endswith("python") and words[1].startswith("benchmarks/"):
            assert (checkout / words[1]).is_file(), f"{file}: {line}"
        else:
            assert words[0] in ("export", "source", "pip", "docker", "git", "cd", ".venv/bin/pre-commit") or words == [
                "gtzan", "--version"
            ], f"{file}: {line}"  # fmt: skip
            continue
        seen += 1
    assert seen > 40


def test_the_configuration_page_has_every_group_member_and_key(hooks):
    page = hooks.configuration_page()
    catalogue = Catalogue()
    for group in catalogue.groups():
        assert f"\n## {group}\n" in page
        assert all(f"`{group}={name}`" in page for name in catalogue.members(group))
    assert "| `ratios.train` | `0.7` |  |" in page
    assert "| `gradient_clip_val` | `1.0` |" in page
    assert "runs are written to &lt;outputs&gt;/runs" in page
    assert "analysis of a sweep: \\_target\\_ and settings" in page
    assert (
        "| `max_skipped_share` | `0.05` | a larger share of unreadable files stops the run with a list of them |"
        in page
    )


def test_the_commands_page_has_every_command(hooks):
    page = hooks.commands_page()
    assert all(f"\n## gtzan {name}" in page for name in cli.COMMANDS)
    assert "\n## gtzan runs ls\n" in page
    assert "\n## gtzan train\n" in page


@pytest.mark.parametrize(
    ("head", "note"),
    [
        ("<!-- make x -->", "*Made by `make x` with an earlier version of the code.*"),
        ("<!-- make x -->\n<!-- code 0 -->", "*Made by `make x` with code 0, and the code has changed since.*"),
        ("<!-- make x -->\n<!-- code {now} -->", None),
    ],
)
def test_tables_of_earlier_code_are_marked(hooks, tmp_path, monkeypatch, head, note):
    monkeypatch.setattr(hooks, "__file__", str(tmp_path / "docs" / "hooks.py"))
    (tmp_path / "t.md").write_text(head.format(now=hooks.result_code()) + "\n\n| a |\n")
    page = "<!-- begin t.md -->\n| a |\n<!-- end t.md -->"
    assert hooks.on_page_markdown(page) == (f"{page}\n{note}\n" if note else page)


def test_formulas_are_mathml_except_in_code(hooks):
    page = hooks.on_page_markdown("a $x$ `$y$`\n\n$$ z $$\n")
    assert page.count("<math") == 2
    assert "`$y$`" in page


def test_a_page_that_needs_the_network_is_refused(hooks):
    from types import SimpleNamespace

    from mkdocs.exceptions import PluginError

    page = SimpleNamespace(file=SimpleNamespace(src_uri="a.md"))
    assert (
        hooks.on_post_page('<script src="https://cdn/x.js"></script><a href="https://x">', page)
        == '<a href="https://x">'
    )
    with pytest.raises(PluginError, match=r"a\.md: requests a file from another host: <img"):
        hooks.on_post_page('<img src="//host/a.png">', page)
