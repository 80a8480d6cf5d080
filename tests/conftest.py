"""What every test may rely on: no network, no data of this machine, one thread, folders that vanish."""

import gc
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

# Before numpy and torch are imported: small models on several threads are slower than on one, and processes that tests
# start find the package although it need not be installed.
os.environ["OMP_NUM_THREADS"] = "1"
# numba's cache of gufuncs, which librosa has, is not safe against two processes that fill it at once: they crash later.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ["NUMBA_CACHE_DIR"] = str(CHECKOUT / ".pytest_cache" / f"numba-{WORKER}")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
if os.environ.get("GTZAN_ROOT"):
    os.environ["GTZAN_ROOT"] = str(Path(os.environ["GTZAN_ROOT"]).resolve())  # tests run in folders of their own

import pytest  # noqa: E402
import tiny  # noqa: E402

gc.disable()  # until all is imported: of what is made meanwhile, little can be freed

TRAINING = {"command", "first", "main_job", "three_runs", "trained"}
REAL_DATA = os.environ.get("GTZAN_ROOT")


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items):
    """Tests with a fixture that trains are slow; the others are marked in their modules."""
    for item in items:
        if TRAINING & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    """From here on, the collector looks at new objects only, and less often: its work was a tenth of some modules'."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _no_network():
    """A connection to another machine is an error, in this process at least."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"a test tried to reach {address}")
        return connect(self, address)

    socket.socket.connect = guarded
    yield
    socket.socket.connect = connect


@pytest.fixture(scope="session", autouse=True)
def _remembered():
    """See `remembered.remember`."""
    from remembered import remember  # imports torch, which xdist's controller does without

    with pytest.MonkeyPatch.context() as patch:
        remember(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def _unsynced():
    """Files of tests need not survive a loss of power, so no test waits for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    """One cache for all tests of the session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _apart(monkeypatch, tmp_path, cache_dir):
    """Each test in an empty folder, without real data unless it asks for `gtzan_root`."""
    monkeypatch.delenv("GTZAN_ROOT", raising=False)
    monkeypatch.setenv("GTZAN_CACHE", str(cache_dir))
    monkeypatch.chdir(tmp_path)
    if opened := sys.modules.get("gtzan_lightning.training.split_data"):
        opened.OPENED.clear()  # tests replace what opens a corpus
    interrupt = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, interrupt)  # Lightning leaves it ignored after an interruption


@pytest.fixture(scope="session")
def gtzan_root():
    """The real data."""
    if not REAL_DATA:
        pytest.skip("GTZAN_ROOT does not name the real GTZAN tables")
    return Path(REAL_DATA)


@pytest.fixture(scope="session")
def tables_root(tmp_path_factory):
    """Made-up tables in the published form, with artists; read-only by agreement."""
    return tiny.write_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture
def own_tables(tmp_path):
    """Made-up tables that a test may spoil: two genres, four tracks each, three windows each."""
    return tiny.write_tables(tmp_path / "own", genres=("blues", "rock"), tracks=4, windows=3)


@pytest.fixture(scope="session")
def audio_root(tmp_path_factory):
    """Three genres of twelve 3-s WAV files; read-only by agreement."""
    return tiny.write_audio(tmp_path_factory.mktemp("audio"))


@pytest.fixture(scope="session")
def checkout():
    """The folder of the project."""
    return CHECKOUT


@pytest.fixture(scope="session")
def documented_header(checkout):
    """A function that returns the first line of a table of `docs/results`; `make results` looks for a table with it."""

    def header(name):
        text = (checkout / "docs" / "results" / f"{name}.md").read_text(encoding="utf-8")
        return text.partition("\n\n")[2].splitlines()[0]

    return header


@pytest.fixture(scope="session")
def chromium():
    """One headless browser for all tests."""
    browser, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver_path):
        pytest.skip("no chromium and chromedriver here (Debian: apt-get install chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (
        "--headless=new",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        *(["--no-sandbox"] * (os.getuid() == 0)),
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    yield driver
    driver.quit()
