"""The page of a report in a real browser: errors, sorting, filters, run panels, small screens, colour schemes."""

import pytest
from made_runs import changed, made_run

from gtzan_lightning.report.report_folder import write_report
from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.runs.records import read_record

FINDING = {
    "check": "artists in several parts",
    "severity": "warning",
    "leakage_type": "L3.2",
    "evidence": "86 of 324 artists stand in several parts, 75 of them in train and test: abba, ac dc and 73 more.",
    "remedy": "Use split=artist or split=filtered.",
}
EVIL = "</script><script>window.broken=1</script><img src=x onerror=window.broken=2>"


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """A report of runs with leakage warnings, several seeds, a failed run, and names that contain markup."""
    outputs = tmp_path_factory.mktemp("page") / "outputs"
    for model in ("MLP", "BiLSTM"):
        for split, right in (("leaky", 0.95), ("grouped", 0.6)):
            for seed in range(2):
                made_run(outputs, model=model, split=split, seed=seed, right=right - 0.2 * (model == "MLP"))
    made_run(outputs, slice_s=30, genres=("blues", EVIL), audit={"checked": ["artists"], "findings": [FINDING]})
    changed(made_run(outputs, slice_s=6), status="failed", error="a reason\nmore", overrides=[EVIL])
    write_report([read_record(run) for run in find_runs(outputs)], outputs / "reports", progress=False)
    return (outputs / "reports" / "report.html").as_uri()


@pytest.fixture
def tab(chromium, page):
    """The page, newly opened on a wide light screen; afterwards the console must be empty."""
    chromium.get_log("browser")
    show(chromium, page)
    yield chromium
    assert chromium.get_log("browser") == []


def show(driver, address, width=1280, scheme="light"):
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 700}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get("about:blank")
    driver.get(address)


def js(driver, expression):
    return driver.execute_script(f"return {expression}")


def texts(driver, selector):
    return js(driver, f"[...document.querySelectorAll('{selector}')].map((found) => found.textContent.trim())")


def rows(driver):
    return texts(driver, "#scores tbody tr:not([hidden]) th .open")


def click(driver, selector):
    driver.execute_script(f"document.querySelector('{selector}').click()")


def wait_until(driver, expression):
    """Waits for the effects of a changed address."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(driver, 10, poll_frequency=0.02).until(lambda _: js(driver, expression))


def open_run(driver, row=1):
    click(driver, f"#scores tbody tr:nth-child({row}) .open")
    wait_until(driver, "document.querySelector('dialog').open")


def test_opens_with_rows_warnings_leakage_drops_and_missing_runs(tab):
    assert rows(tab) == ["lstm", "lstm", "mlp", "mlp", "mlp"]
    assert js(tab, "document.querySelector('.banner').textContent").startswith("LEAKY SPLIT")
    assert texts(tab, "#scores tbody tr.warned .badge.warning") == ["leaky split"] * 2
    assert len(texts(tab, "#leakage-drops .plot:not(.axis)")) == 2
    assert "failed, a reason" in js(tab, "document.body.textContent")


def test_every_score_has_its_level_n_and_interval(tab):
    cells = texts(tab, "#scores tbody .score")
    assert len(cells) == 10
    for cell, level in zip(cells, ["window", "clip"] * 5, strict=True):
        assert level in cell
        assert "n\u00a0" in cell
        assert "[0." in cell


def test_names_given_by_users_are_not_parsed_as_markup(tab):
    open_run(tab, row=5)
    assert EVIL in texts(tab, "dialog .matrix thead th")
    assert js(tab, "window.broken") is None
    assert js(tab, "document.querySelectorAll('img').length") == 0


def test_sorts_by_scores_and_by_keys_in_both_directions(tab):
    place = "document.querySelectorAll('#scores thead button')"
    means = "[...document.querySelectorAll('#scores tbody .score:last-child strong')].map((each) => +each.textContent)"
    driver_click = "[...{}].find((each) => each.textContent === '{}').click()"
    tab.execute_script(driver_click.format(place, "clip accuracy"))
    assert js(tab, means) == sorted(js(tab, means), reverse=True)
    assert js(tab, "document.querySelector('[aria-sort=descending]').textContent") == "clip accuracy"
    tab.execute_script(driver_click.format(place, "clip accuracy"))
    assert js(tab, means) == sorted(js(tab, means))
    tab.execute_script(driver_click.format(place, "slice"))
    assert texts(tab, "#scores tbody tr td:nth-child(2)") == ["3 s"] * 4 + ["30 s"]
    assert js(tab, "document.activeElement.textContent") == "slice"  # the focus is kept


def test_filters_table_and_leakage_drops_by_text_and_key(tab):
    field = tab.find_element("css selector", "#filters input")
    field.send_keys("lstm GROUPED")
    assert rows(tab) == ["lstm"]
    assert texts(tab, "#count") == ["1 of 5 configurations"]
    assert len(texts(tab, "#leakage-drops .plot:not(.axis)")) == 1
    field.clear()
    field.send_keys(" ")
    select = tab.find_element("css selector", "select[data-key=split]")
    select.send_keys("leaky")
    assert rows(tab) == ["lstm", "mlp"]


def test_shows_runs_instead_of_configurations(tab):
    click(tab, "#filters .choice button:last-child")
    assert texts(tab, "#count") == ["9 of 9 runs"]
    assert "seed 1 · split.seed 0" in texts(tab, "#scores tbody td:nth-child(4)")


def test_a_row_opens_its_run_with_all_its_parts_and_escape_closes_it(tab):
    open_run(tab)
    name = texts(tab, "dialog h2")[0]
    assert js(tab, "decodeURIComponent(location.hash)") == f"#run={name}"
    assert texts(tab, "dialog figcaption")[:3] == ["loss", "window accuracy", "clip accuracy"]
    assert len(texts(tab, "dialog .matrix td.right")) == 3
    assert len(texts(tab, "dialog .plot.genre:not(.axis)")) == 3
    assert "Split" in texts(tab, "dialog summary")
    tab.find_element("css selector", "body").send_keys("\ue00c")  # Escape
    wait_until(tab, "!document.querySelector('dialog').open && location.hash === ''")


def test_confusion_counts_the_test_part_at_the_chosen_level(tab):
    open_run(tab, row=2)
    counts = "[...document.querySelectorAll('dialog .matrix td.right')].map((cell) => +cell.textContent)"
    assert js(tab, counts) == [24, 24, 24]  # 60 % of 20 tracks, two slices each: the grouped BiLSTM
    tab.execute_script("[...document.querySelectorAll('dialog .choice button')].at(-1).click()")
    assert js(tab, counts) == [12, 12, 12]


def test_an_address_opens_a_run_and_links_lead_to_its_repetitions(tab, page):
    open_run(tab)
    name = texts(tab, "dialog h2")[0]
    show(tab, f"{page}#run={name}")
    assert texts(tab, "dialog h2") == [name]
    assert texts(tab, ".repetitions a[aria-current]") == ["seed 0 · split.seed 0"]
    click(tab, ".repetitions a:not([aria-current])")
    wait_until(tab, "document.querySelector('.repetitions a[aria-current]').textContent === 'seed 1 · split.seed 0'")
    for unknown in ("#run=nowhere", "#run=%", "#leakage-drops-title"):
        show(tab, page + unknown)
        assert not js(tab, "document.querySelector('dialog').open")


@pytest.mark.parametrize("opened", [False, True])
def test_fits_a_phone_without_sideways_scrolling(tab, page, opened):
    show(tab, page, width=360)
    if opened:
        open_run(tab)
    assert js(tab, "document.documentElement.scrollWidth") == 360
    assert js(tab, "document.querySelector('dialog').scrollWidth") <= 360


def test_the_findings_of_an_audit_are_as_wide_as_a_phone(tab, page):
    show(tab, page, width=390)
    open_run(tab, row=5)
    audit = "[...document.querySelectorAll('dialog details')].find((each) => each.textContent.startsWith('Audit'))"
    tab.execute_script(f"{audit}.open = true")
    shown = f"[...{audit}.querySelectorAll('.items dl > *')]"
    assert js(tab, f"{shown}.map((each) => each.textContent)") == [
        word for key, text in FINDING.items() for word in (key.replace("_", " "), text)
    ]
    assert (
        js(tab, f"Math.min(...{shown}.filter((each) => each.tagName === 'DD').map((each) => each.clientWidth))") > 200
    )


def test_follows_the_colour_scheme(tab, page):
    background = "getComputedStyle(document.body).backgroundColor"
    assert js(tab, background) == "rgb(255, 255, 255)"
    show(tab, page, scheme="dark")
    assert js(tab, background) == "rgb(20, 22, 26)"


@pytest.mark.parametrize("plot", ["#leakage-drops .plot:not(.axis)", "dialog .plot.genre:not(.axis)"])
def test_labels_are_at_the_height_of_their_marks(tab, plot):
    open_run(tab)
    middle = "((box) => (box.top + box.bottom) / 2)(each.getBoundingClientRect())"
    for part in ("span", "svg svg > *", ".value"):
        assert js(tab, f"[...document.querySelectorAll('{plot}')].every((row) => row.querySelector('{part}'))")
    for place in js(
        tab,
        f"""[...document.querySelectorAll('{plot}')].map((row) =>
            ['span', 'svg svg > *', '.value'].map((part) => row.querySelector(part)).map((each) => {middle}))""",
    ):
        assert max(place) - min(place) <= 2


def test_makes_no_network_request(tab):
    assert js(tab, "performance.getEntriesByType('resource').map((each) => each.name)") == []
    assert js(tab, "document.querySelectorAll('[src], link[rel=stylesheet]').length") == 0


def test_the_whole_row_opens_a_run(tab):
    click(tab, "#scores tbody tr td.score")
    wait_until(tab, "document.getElementById('run').open")
    assert "lstm" in texts(tab, "#run-title")[0] or "bilstm" in texts(tab, "#run-title")[0]


def test_filters_without_a_match_show_a_message(tab):
    tab.find_element("css selector", "#filters input").send_keys("nothing like this")
    assert rows(tab) == []
    assert texts(tab, "#scores .empty") == [
        'No configurations match the filters. Clear the text, or set the keys to "all".'
    ]


def test_the_panel_counts_clusters_and_rows(tab):
    click(tab, "#scores tbody tr td.score")
    wait_until(tab, "document.getElementById('run').open")
    assert "30 artists, 120 windows" in texts(tab, "#run table.stack td")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_in_the_confusion_matrix_have_enough_contrast(chromium, page, scheme):
    show(chromium, page, scheme=scheme)
    click(chromium, "#scores tbody tr td.score")
    wait_until(chromium, "document.getElementById('run').open")
    assert js(chromium, LOWEST_CONTRAST) >= 4.5


LOWEST_CONTRAST = """(() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour) => rgb(colour).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const contrasts = [...document.querySelectorAll(".matrix td[style]")].map((cell) => {
    const { color, backgroundColor } = getComputedStyle(cell);
    const [light, dark] = [luminance(color), luminance(backgroundColor)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  });
  return Math.min(...contrasts);
})()"""  # WCAG 2.2, 1.4.3
