"""A learner's hours: chapters in JupyterLab, in a real browser, run and answered.

Set SOCKETS_LAB_SCREENSHOTS to a folder to keep the screenshots.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from tests.browser.server import choose_theme, running_lab
from tests.notebooks.rules import NOTEBOOKS, code_cells, may_raise, read

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHAPTERS = (
    "00_start_here.ipynb",
    "02_bind_listen_accept.ipynb",
    "05_closing.ipynb",
    "08_event_loops.ipynb",
    "10_ipv4_ipv6_dual_stack.ipynb",
    "11_tls.ipynb",
    "12_attack_and_defence.ipynb",
)
DEADLINE_MS = 60_000
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

NOTEBOOK = ".jp-NotebookPanel .jp-Notebook"
CELL = f"{NOTEBOOK} .jp-CodeCell"
PICTURE = f"{NOTEBOOK} .jp-OutputArea-output img"
ERRORS = (
    f"{NOTEBOOK} :is([data-mime-type='application/vnd.jupyter.error'],"
    "[data-mime-type='application/vnd.jupyter.stderr'])"
)
ALL_COUNTED = """prompts => [...document.querySelectorAll(prompts)].every(
    prompt => /^\\[\\d+\\]:$/.test(prompt.textContent))"""
ALL_DRAWN = """pictures => [...document.querySelectorAll(pictures)].every(
    picture => picture.complete && picture.naturalWidth > 0)"""
WHOLE_HEIGHT = """() => document.querySelector(
    '.jp-NotebookPanel .jp-WindowedPanel-outer').scrollHeight"""
MOST_PIXELS = 16_000

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="process groups end the server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium found; name it in CHROMIUM"),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Serve copies of the chapters, without their saved outputs."""
    folder, home = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("home")
    for name in CHAPTERS:
        notebook = read(NOTEBOOKS / name)
        for cell in code_cells(notebook):
            cell.execution_count, cell.outputs = None, []
        nbformat.write(notebook, folder / name)
    with running_lab(folder, home) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda name: name[:2])
def chapter(request, lab, browser):
    """Open a chapter and run all its cells; give its name and its page."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(DEADLINE_MS)
    open_notebook(page, lab.url(request.param))
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    await_all_run(page)
    yield request.param, page
    page.close()


def open_notebook(page, url):
    """Open a notebook and wait for its kernel: until then Run All is lost without a word."""
    page.goto(url)
    await_idle(page)


def await_idle(page):
    page.locator("#jp-bottom-panel").get_by_text("| Idle").wait_for()


def await_all_run(page):
    page.wait_for_function(ALL_COUNTED, arg=f"{CELL} .jp-InputPrompt")
    await_idle(page)


def save(page):
    """Save, and wait until the page says so: a page with changes asks before it is left."""
    page.keyboard.press("Control+s")
    page.locator(".lm-TabBar-tab.jp-mod-dirty").wait_for(state="detached")


def text_of(name, words):
    """Say what the first code cell of a saved chapter that holds these words shows, as text."""
    cells = code_cells(read(NOTEBOOKS / name))
    shown = (output for cell in cells if words in cell.source for output in cell.outputs)
    return next(output.data["text/plain"] for output in shown if "data" in output)


def test_no_cell_shows_an_error(chapter):
    name, page = chapter
    shown = page.locator(ERRORS).all_inner_texts()
    expected = [cell for cell in code_cells(read(NOTEBOOKS / name)) if may_raise(cell)]
    assert len(shown) == len(expected), shown


def test_every_picture_is_drawn_and_has_words(chapter):
    _, page = chapter
    page.wait_for_function(ALL_DRAWN, arg=PICTURE)
    pictures = page.locator(PICTURE)
    assert pictures.count() >= 1
    assert all(one.get_attribute("alt") for one in pictures.all())


def test_every_widget_is_shown(chapter):
    name, page = chapter
    page.locator(f"{CELL} input[type=radio]").first.wait_for()
    if any("step_through(" in cell.source for cell in code_cells(read(NOTEBOOKS / name))):
        page.locator(f"{CELL} .widget-slider").first.wait_for()
    assert page.get_by_text("Error displaying widget").count() == 0


def test_a_prediction_is_clicked_and_compared(chapter):
    name, page = chapter
    compare = "prediction.compare("
    answer = re.search(r'the kernel says "(.*)"', text_of(name, compare))[1]
    page.get_by_role("radio", name=answer, exact=True).check()
    page.get_by_role("status").get_by_text(answer).wait_for()
    cell = page.locator(CELL, has=page.locator(".cm-content", has_text=compare)).first
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    output = cell.locator(".jp-OutputArea-output").filter(has_text="you predicted")
    output.wait_for()
    words = output.inner_text()
    assert answer in words
    assert "right" in words
    await_all_run(page)


@pytest.mark.parametrize("theme", THEMES)
def test_screenshots_of_the_whole_chapter(chapter, lab, theme, tmp_path):
    name, page = chapter
    save(page)
    page.set_viewport_size({"width": 1280, "height": 1000})
    choose_theme(lab, THEMES[theme])
    open_notebook(page, lab.url(name))
    page.locator(f"body[data-jp-theme-name='{THEMES[theme]}']").wait_for(state="attached")
    page.wait_for_function(ALL_DRAWN, arg=PICTURE)
    height = min(page.evaluate(WHOLE_HEIGHT) + 120, MOST_PIXELS)
    page.set_viewport_size({"width": 1280, "height": height})
    folder = Path(os.environ.get("SOCKETS_LAB_SCREENSHOTS", tmp_path))
    shot = folder / f"{Path(name).stem}-{theme}.png"
    page.screenshot(path=shot)
    assert shot.stat().st_size > 50_000
    assert page.locator(ERRORS).count() == 0
