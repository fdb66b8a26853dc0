"""The site where something is amiss: a file that does not come, an address that makes no sense,
a browser that keeps nothing, a new version while a page is open."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import pytest
from test_site_pages import SITE, ending, searched, served, tool, typed

from conftest import location, without

pytestmark = pytest.mark.browser

# What Python's start needs.
NEEDED = [
    "app/worker.js", "app/graphviz.js", "app/python.zip", "viz/viz.js", "pyodide/pyodide.mjs",
    "pyodide/pyodide.asm.js", "pyodide/pyodide.asm.wasm", "pyodide/pyodide-lock.json",
    "pyodide/python_stdlib.zip",
]  # fmt: skip
SECONDS = 1000


class Faults:
    """What befalls a file that is asked for, by the end of its path, and who has asked."""

    def __init__(self):
        self.of = {}
        self.asked = Counter()
        self.ended = threading.Event()
        outer = self

        class Handler(tool("site").Handler):
            def do_GET(self):
                name = next((name for name in outer.of if self.path.endswith(name)), None)
                outer.asked[name] += 1
                fault = outer.of.get(name)
                if fault == "hangs":
                    outer.ended.wait()
                elif fault == "is cut":
                    self.close_connection = True
                elif fault:
                    self.send_error(int(fault))
                else:
                    super().do_GET()

        self.handler = Handler


@pytest.fixture
def faults():
    """What shall befall whom."""
    faults = Faults()
    yield faults
    faults.ended.set()


@contextmanager
def serving(faults, folder=SITE):
    """Where the site is, with what befalls it."""
    if not (folder / "index.html").exists():
        without("the site (python tools/site.py builds it)")
    with tool("site").server(folder, below="/course/", handler=faults.handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/course/"
        finally:
            faults.ended.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def address(faults):
    """Where the site is."""
    with serving(faults) as address:
        yield address


@pytest.fixture
def tab(browser):
    """``tab(address)``: a page whose console may say anything."""
    pages = []

    def tab(address="", clock=False, script="", **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.set_default_timeout(60_000)
        if clock:
            page.clock.install()
        if script:
            page.add_init_script(script)
        if address:
            page.goto(address, wait_until="commit")
        return page

    yield tab
    for page in pages:
        page.close()


def answered(page):
    page.wait_for_selector("body[data-python=ready]")
    page.wait_for_selector(".live[data-asking=no]")
    return page.text_content(".formula .value")


@pytest.mark.parametrize("fault", ["404", "is cut"])
def test_where_a_file_does_not_come_the_page_says_so_and_tries_again(address, faults, tab, fault):
    page = None
    for name in NEEDED:
        faults.of = {name: fault}
        page = tab(address)
        page.fill("#f", "a*a*a")
        page.wait_for_selector("body[data-python=dead]")
        assert "no arranca" in page.text_content("#starting"), name
        assert page.is_visible("#starting button")
        assert faults.asked[name] >= 2
        if name != NEEDED[-1]:
            page.close()
    page.fill("#f", "a*a*b*b")  # meanwhile
    faults.of = {}
    page.click("#starting button")
    assert answered(page) == "4"
    assert page.input_value("#f") == "a*a*b*b"
    assert page.locator(".numbers input[type=text]").count() == 2


def test_a_start_in_which_nothing_arrives_for_a_minute_begins_anew(address, faults, tab):
    name = "pyodide.asm.wasm"
    faults.of = {name: "hangs"}
    page = tab(clock=True)
    # the page's time stands still: what a busy machine takes does not count
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
    page.goto(address + "en/", wait_until="commit")
    page.wait_for_selector("body[data-python=starting]")
    for n in (1, 2):
        while faults.asked[name] < n:
            page.wait_for_timeout(50)
        page.clock.fast_forward(50 * SECONDS)
        assert page.get_attribute("body", "data-python") == "starting"
        page.clock.fast_forward(60 * SECONDS)
    page.wait_for_selector("body[data-python=dead]")
    assert "does not start" in page.text_content("#starting")
    faults.of = {}
    page.fill("#f", "a*a*a")
    page.click("#starting button")
    assert answered(page) == "1"


@pytest.mark.parametrize(
    ("path", "name"),
    [("", "app/try.js"), ("lessons/1-nudge.html", "app/engine.js"), ("play/", "static/plane.js"),
     ("play/", "app/train.js"), ("notes.html", "app/live.js")],
)  # fmt: skip
def test_where_a_script_does_not_come_the_page_says_so_and_is_loaded_again(
    address, faults, tab, path, name
):
    for fault in ("404", "hangs"):
        faults.of = {name: fault}
        faults.asked.clear()
        page = tab(address + path, clock=True)
        while not faults.asked[name] or page.evaluate("typeof look") != "function":
            page.wait_for_timeout(50)
        if fault == "hangs":
            page.clock.fast_forward(65 * SECONDS)
        page.wait_for_selector("#missing:visible")
        faults.of = {}
        with page.expect_navigation():
            page.click("#missing button")
        page.wait_for_selector("body[data-python=ready]")
        assert not page.is_visible("#missing")
        page.close()


@pytest.mark.parametrize("name", ["search/en.json", "search/minisearch.js"])
def test_a_search_that_does_not_come_says_so_and_comes_with_the_next_letter(
    address, faults, tab, name
):
    for fault in ("404", "is cut"):
        faults.of = {name: fault}
        page = tab(address + "en/proofs.html")
        page.fill("[role=search] input", "chain rul")
        page.wait_for_selector(".found [role=status]:visible")
        assert "could not be loaded" in page.text_content(".found [role=status]")
        faults.of = {}
        assert any("2-chain" in link for link in searched(page, "chain rule"))
        page.close()


@pytest.mark.parametrize("fault", ["404", "is cut", "hangs"])
def test_where_numpy_does_not_come_the_network_is_trained_without(faults, tab, tmp_path, fault):
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder)
    page = folder / "play/index.html"
    wheels = tool("site").numpy_of(folder / "pyodide", None, None)
    page.write_text(page.read_text("utf-8").replace(wheels, "pyodide/"), "utf-8")
    faults.of = {".whl": fault}
    with serving(faults, folder) as address:
        page = tab(address + "play/")
        page.wait_for_selector("body[data-asking=no]")
        assert page.is_visible("#slow")
        page.click("#step")
        page.wait_for_selector("#updates:text-is('1')")
        assert faults.asked[".whl"] >= 1


def test_where_the_site_cannot_be_kept_all_of_it_works(address, faults, tab):
    faults.of = {"lessons/8-training.html": "404"}
    page = tab(address + "play/")
    page.wait_for_selector("body[data-asking=no]")
    page.click("#step")
    page.wait_for_selector("#updates:text-is('1')")
    assert page.evaluate("navigator.serviceWorker.controller") is None


def test_every_page_and_the_search_open_without_a_network_after_one_visit(tab, faults, browser):
    with serving(faults) as address:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_function("() => navigator.serviceWorker.controller")
    failed = []
    try:
        # those of a page that is left are aborted
        page.on("requestfailed", lambda r: "ABORTED" in r.failure or failed.append(r.url))
        for path in sorted(SITE.rglob("*.html")):
            name = path.relative_to(SITE).as_posix()
            if name.startswith("micrograd_"):
                continue
            page.goto(address + name)
            page.wait_for_selector("main")
        for start, language in (("notes.html", ""), ("reference/micrograd_es.html?lang=en", "en/")):
            page.goto(address + start)
            links = searched(page, "gradient" if language else "gradiente")
            assert len(links) > 3
            for link in links[:3]:
                page.goto(link)
                page.wait_for_selector("main")
        page.goto(address + "en/play/")
        page.wait_for_selector("body[data-asking=no]")
        assert failed == []
    finally:
        context.close()


def test_a_new_version_comes_while_pages_are_open(tab, faults, tmp_path, browser):
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder)
    with serving(faults, folder) as address:
        context = browser.new_context()
        try:
            first, second = context.new_page(), context.new_page()
            for page in (first, second):
                page.set_default_timeout(60_000)
            first.goto(address)
            first.wait_for_function("() => navigator.serviceWorker.controller")
            typed(first, "a*a*a")
            for name in ("index.html", "proofs.html"):
                page = folder / name
                text = page.read_text("utf-8")
                page.write_text(text.replace("<h1", "<p id='new'>2</p><h1", 1), "utf-8")
            worker = folder / "sw.js"
            text = worker.read_text("utf-8")
            # no version begins so, which is one of hexadecimal digits
            worker.write_text(text.replace('VERSION = "', 'VERSION = "x', 1), "utf-8")
            second.goto(address + "?f=b*b")
            assert answered(second) == "1"
            kept = "async () => (await caches.keys()).map((name) => name.split(' ')[1][0])"
            while second.evaluate(kept) != ["x"]:
                second.wait_for_timeout(100)
            second.goto(address + "proofs.html")
            assert second.text_content("#new") == "2"
            # the page of the old version goes on, even after its Python has ended
            assert first.locator("#new").count() == 0
            with ending(first):
                first.workers[0].evaluate("self.postMessage({ dead: 'by a test' })")
            first.fill("#f", "a*a*a+1")
            assert answered(first) == "2"
        finally:
            context.close()


STRANGE = {
    "?f=": "no es una expresión",
    "?f=a*b&at=a:zzz,b": "zzz",
    "?f=a*b&at=:::,,,&x=1&x=2": "",
    "?f=%00%FF%F0%9F%98%80": "␀",
    "?f=<img src=x onerror=alert(1)>": "<",
    "?f=" + quote("a+" * 5000 + "a"): "10000",
}


def test_an_address_that_makes_no_sense_is_answered_and_the_next_expression_too(address, tab):
    page = tab(address)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for query, said in STRANGE.items():
        page.goto(address + query)
        page.wait_for_selector("body[data-python=ready]")
        page.wait_for_selector(".live[data-asking=yes]", state="detached")
        problem = page.text_content(".problem")
        assert said in problem
        assert bool(problem) == bool(said)
        typed(page, "k*k")
        assert page.text_content(".problem") == ""
        assert page.text_content(".formula .value") == "1"
    assert wrong == []


@pytest.mark.parametrize(
    ("query", "typed", "result"),
    [("?f=x*y&at=x:3,y:5", "x*y+z", "16"), ("", "a*b*c*c", "18")],  # the default's: 1, 2, 3
)
def test_what_is_typed_before_the_script_has_come_stays_when_the_page_is_loaded_again(
    address, faults, tab, query, typed, result
):
    faults.of = {"app/try.js": "404"}
    page = tab(address + query)
    page.wait_for_selector("#missing:visible")
    page.fill("#f", typed)
    faults.of = {}
    page.click("#missing button")
    assert answered(page) == result
    assert page.input_value("#f") == typed
    page.reload()
    assert answered(page) == result


EARLY = """
document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive") return; // the page is there, and no script of its own
  const field = document.querySelector("%s");
  const text = "%s";
  if (field?.options) field.options[1].value = text; // an example of one's own
  if (field) field.value = text;
  document.querySelector("%s").click();
});
"""


@pytest.mark.parametrize(
    ("path", "field", "text", "button", "shows"),
    [
        ("lessons/2-chain.html", "#question1", "6", ".question button", ".answered >> nth=0"),
        ("teachers.html", "#seed", "77", "#make button", "#sheet[srcdoc*='77']"),
        ("python.html", "#code", "6 * 7", "#run", "#shown pre:text-is('42')"),
        ("", "#f", "p * q", "#step", "#steps[open]"),
        ("", "#examples", "f=k*k&at=k:7", "#f", ".formula .value:text-is('49')"),
        ("play/", "#none", "", "#step", "#updates:text-is('1')"),
    ],
)
def test_what_is_pressed_before_the_script_has_come_is_done_once_it_has(
    address, tab, path, field, text, button, shows
):
    page = tab(script=EARLY % (field, text, button))
    page.goto(address + path)
    page.wait_for_selector(shows)


def test_the_other_language_is_asked_the_same_while_python_is_on_its_way(address, faults, tab):
    faults.of = {"pyodide.asm.wasm": "hangs"}
    page = tab(address + "teachers.html?seed=7&level=3")
    link = page.locator("a[data-language=en][href*='?seed=7&level=3']")
    link.wait_for()
    faults.of = {}
    link.click()
    page.wait_for_selector("html[lang=en]")
    page.frame_locator("#sheet").locator("svg").first.wait_for()


@pytest.mark.parametrize("query", ["lang=fr", "lang=", "layers=zzz", "nonsense=1", "x=1&x=2"])
def test_a_training_that_makes_no_sense_is_refused_in_a_line_and_the_page_goes_on(
    address, tab, query
):
    page = tab(address + f"en/play/?{query}")
    page.wait_for_selector("body[data-asking=no]")
    assert location(page).startswith(address + "en/play/")
    assert page.text_content("#message") != ""
    page.wait_for_selector("#cost:text-is('3.145')")  # of the page as it begins
    assert urlsplit(location(page)).query == ""
    page.select_option("[name=loss]", "hinge")
    page.wait_for_selector("#message:text-is('')", state="attached")
    page.wait_for_function("() => location.search.includes('hinge')")


def test_the_menu_leads_to_the_training_page_of_its_language(address, tab):
    page = tab(address + "en/proofs.html")
    page.click("nav.site >> text=Train")
    page.wait_for_selector("body[data-asking=no]")
    assert page.get_attribute("html", "lang") == "en"
    page.select_option("[name=loss]", "hinge")
    page.wait_for_function("() => location.search.includes('hinge')")
    page.wait_for_selector("body[data-asking=no]")
    page.click("[data-lang=es]")
    page.wait_for_selector("html[lang=es] body[data-asking=no]")
    assert page.input_value("[name=loss]") == "hinge"
    page.click("[data-lang=en]")
    page.wait_for_selector("html[lang=en] body[data-asking=no]")
    assert page.input_value("[name=loss]") == "hinge"
    page.click(".point >> nth=0")
    with page.expect_popup() as shown:
        page.click("#steps")
    shown.value.set_default_timeout(60_000)
    shown.value.frame_locator("iframe.whole").locator("#next").click()
    assert location(shown.value).startswith(address + "en/show.html?path=steps&")
    shown.value.close()


FORBIDS = """
for (const name of ["localStorage", "sessionStorage", "caches", "indexedDB"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
}
Object.defineProperty(Navigator.prototype, "serviceWorker", {
  get() { throw new DOMException("no", "SecurityError"); },
});
"""


def test_a_browser_that_keeps_nothing_does_all_the_same(address, tab):
    page = tab(address + "lessons/2-chain.html", script=FORBIDS)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.wait_for_selector("body[data-python=ready]")
    page.fill("#question1", "6")
    page.press("#question1", "Enter")
    assert page.locator(".part").nth(1).is_visible()
    page.goto(address + "play/")
    page.wait_for_selector("body[data-asking=no]")
    page.click("#step")
    page.wait_for_selector("#updates:text-is('1')")
    assert wrong == []


def test_it_is_a_frame_in_a_page_of_another_origin(address, tab, tmp_path):
    (tmp_path / "index.html").write_text(
        f'<iframe src="{address}en/?f=a*b&amp;at=a:2,b:3&amp;embed=1" width="100%" height="640">'
        "</iframe>",
        "utf-8",
    )
    with served(tmp_path) as elsewhere:
        page = tab(elsewhere.replace("localhost", "127.0.0.1"))
        frame = page.frame_locator("iframe")
        frame.locator("body[data-python=ready]").wait_for()
        frame.locator(".live[data-asking=no]").wait_for()
        assert frame.locator(".formula .value").text_content() == "6"
        assert not frame.locator("nav.site").is_visible()
        frame.locator("#step").click()
        frame.frame_locator("#steps iframe").locator("#next").click()


def test_what_one_has_typed_stays_through_reloads_languages_and_the_way_back(address, faults, tab):
    faults.of = {"pyodide.asm.wasm": "hangs"}
    page = tab(address)
    page.fill("#f", "tanh(u*v)")
    page.wait_for_function("() => location.search.includes('tanh')")
    page.wait_for_selector("body[data-python=starting]")  # and it is not there yet
    faults.of = {}
    page.reload()
    assert answered(page) != ""
    assert page.input_value("#f") == "tanh(u*v)"
    page.press("#f", "Enter")
    assert page.input_value("#f") == "tanh(u*v)"
    page.click("a[data-language=en]")
    page.wait_for_selector("html[lang=en]")
    answered(page)
    assert page.input_value("#f") == "tanh(u*v)"
    typed(page, "u+v")
    page.click("nav.site >> text=Teachers")
    page.wait_for_selector("#make")
    page.go_back()
    answered(page)
    assert page.input_value("#f") == "u+v"
    assert page.text_content(".formula .value") == "2"
    page.go_forward()
    page.wait_for_selector("#make")
