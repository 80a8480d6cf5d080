"""`make results`: tables are rebuilt from their commands, and pages that include them follow."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from gtzan_lightning.config.identity import result_code

pytestmark = pytest.mark.slow

OLD, NEW = "| a | b |\n|---|---|\n| 1 | 2 |\n", "| a | b |\n|---|---|\n| 1 | 3 |\n"


def written(command, page=OLD):
    Path("docs/results").mkdir(parents=True)
    Path("docs/results/t.md").write_text(f"<!-- {command} -->\n\n{OLD}")
    Path("README.md").write_text(f"x\n<!-- begin docs/results/t.md -->\n{page}<!-- end docs/results/t.md -->\ny\n")


def results(checkout):
    script = checkout / "benchmarks" / "results.py"
    return subprocess.run([sys.executable, script, "t"], capture_output=True, text=True, check=False)


@pytest.fixture
def script(checkout, monkeypatch):
    """benchmarks/results.py as a module."""
    monkeypatch.syspath_prepend(str(checkout / "benchmarks"))
    return import_module("results")


def test_a_table_is_replaced_in_its_file_and_in_the_page(checkout):
    Path("make.py").write_text(f"print('other\\n\\n| z |\\n|---|\\n\\n' + {NEW!r})")
    written("python make.py")
    done = results(checkout)
    assert done.returncode == 0, done.stderr
    assert "docs/results/t.md: 2 lines changed\n-| 1 | 2 |\n+| 1 | 3 |\n" in done.stdout
    assert Path("docs/results/t.md").read_text() == f"<!-- python make.py -->\n<!-- code {result_code()} -->\n\n{NEW}"
    assert Path("README.md").read_text().count(NEW) == 1


def test_the_table_may_be_a_document_of_a_sweep(checkout):
    Path("outputs/sweeps/s").mkdir(parents=True)
    Path("outputs/sweeps/s/ladder.md").write_text(f"# Ladder\n\n{NEW}\nmore\n")
    Path("make.py").write_text("")
    written("python make.py")
    assert results(checkout).returncode == 0
    assert NEW in Path("README.md").read_text()


def test_variables_of_the_command_are_expanded(checkout, monkeypatch):
    monkeypatch.setenv("MADE_BY", "make.py")
    Path("make.py").write_text(f"print({NEW!r})")
    written("python $MADE_BY")
    assert results(checkout).returncode == 0
    written_file = Path("docs/results/t.md").read_text()
    assert (written_file.partition("\n")[0], written_file.endswith(NEW)) == ("<!-- python $MADE_BY -->", True)


def test_a_make_command_does_not_inherit_the_arguments_of_make_results(checkout, monkeypatch):
    monkeypatch.setenv("ARGS", "t")
    monkeypatch.setenv("MAKEFLAGS", " -- ARGS=t")
    Path("Makefile").write_text(f"table:\n\t@{sys.executable} make.py $(ARGS)\n")
    Path("make.py").write_text(f"import sys\nprint({NEW!r} if len(sys.argv) == 1 else '')")
    written("make table")
    assert results(checkout).returncode == 0
    assert NEW in Path("README.md").read_text()


def test_a_command_without_such_a_table_changes_nothing(checkout):
    Path("make.py").write_text("print('| c |\\n|---|')")
    written("python make.py")
    done = results(checkout)
    assert done.returncode == 1
    assert "docs/results/t.md: not rebuilt" in done.stdout
    assert OLD in Path("README.md").read_text()


def test_each_picture_has_a_command(script, checkout):
    assert {path.name for path in (checkout / "docs" / "img").iterdir()} == set(script.PICTURES)


def test_pictures_are_drawn_by_their_commands_or_taken_from_the_sweep(script, monkeypatch, capsys):
    for folder in ("docs/img", "outputs/sweeps/s"):
        Path(folder).mkdir(parents=True)
    pictures = [Path("docs/img", name) for name in ("new.png", "same.png", "swept.png", "failed.png")]
    for picture in pictures:
        picture.write_bytes(b"old")
    Path("draw.py").write_text("open('docs/img/new.png', 'w').write('new')")
    Path("sweep.py").write_text("open('outputs/sweeps/s/figure.png', 'w').write('swept')")
    commands = dict(zip((path.name for path in pictures), ("draw.py", "draw.py", "sweep.py", "none.py"), strict=True))
    monkeypatch.setattr(script, "PICTURES", {name: f"python {file}" for name, file in commands.items()})
    monkeypatch.setattr(script, "FROM_SWEEP", {"swept.png": "sweeps/*/figure.png"})
    assert script.redrawn(pictures, Path("outputs")) == 1
    assert [picture.read_text() for picture in pictures] == ["new", "old", "swept", "old"]
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "docs/img/new.png: changed",
        "docs/img/same.png: unchanged",
        "docs/img/swept.png: changed",
        "docs/img/failed.png: not drawn; the command failed",
    ]


@pytest.mark.parametrize(("table", "module"), [("features-speed", "bench_features"), ("loop-speed", "bench_loop")])
@pytest.mark.usefixtures("script")
def test_the_tables_of_speed_have_the_header_that_their_scripts_print(documented_header, table, module):
    assert import_module(module).HEADER.splitlines()[0] == documented_header(table)


@pytest.mark.parametrize("table", ["gpu-epochs", "gpu-features"])
def test_the_columns_of_the_tables_on_gpus_are_in_their_script(checkout, documented_header, table):
    source = (checkout / "benchmarks" / "gpu_check.py").read_text(encoding="utf-8")
    assert [name for name in documented_header(table).strip("| ").split(" | ") if f'"{name}"' not in source] == []
