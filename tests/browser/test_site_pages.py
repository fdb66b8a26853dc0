"""The site in a browser: Python in a worker, where ``python tools/site.py`` has built it."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
import textwrap
import threading
import unicodedata
from contextlib import contextmanager
from math import isclose
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from conftest import expect, location, without
from micrograd_es import explain
from micrograd_es.base.languages import speaking
from micrograd_es.base.palette import LIGHT
from micrograd_es.expression import parse
from micrograd_es.gallery import load
from micrograd_es.pictures.graphs import draw_graph
from micrograd_es.play.answers import answer as answer_of_play

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "site"


def tool(name):
    """A module of tools/, which is no package."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / f"tools/{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.pop(0)


@contextmanager
def served(folder):
    """Where a site is served, from a subfolder as any host may have it."""
    with tool("site").server(folder, below="/course/") as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{serving.server_port}/course/"
        finally:
            serving.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def address():
    """Where the site is."""
    if not (SITE / "index.html").exists():
        without("the site (python tools/site.py builds it)")
    with served(SITE) as address:
        yield address


@pytest.fixture
def start(visit, address):
    """``start(path)``: a page once Python is there."""

    def start(path="", **options):
        page = visit(address + path, **options)
        page.set_default_timeout(60_000)
        page.wait_for_selector("body[data-python=ready]")
        page.wait_for_selector(".live[data-asking=yes]", state="detached")
        return page

    return start


def typed(page, f):
    page.fill("#f", f)
    page.wait_for_selector(".live[data-asking=no]")


@contextmanager
def ending(page):
    """A block in which its Python ends, and after which the page has said that it starts anew.

    That lasts only so long: who looks for it later may come too late.
    """
    look = "window.said = document.body.dataset.python;"  # once the page itself has been told
    page.evaluate(f"() => python.addEventListener('dead', () => {{ {look} }})")
    yield
    page.wait_for_function("() => window.said === 'starting'")


def asked(page, path, **settings):
    """What Python in the page answers to a question of one's own."""
    query = "&".join(f"{name}={quote(text)}" for name, text in settings.items())
    return page.evaluate("([path, query]) => python.ask(path, query)", [path, query])


CASES = {
    "2*(a*b+c)**2": {"a": 1.0, "b": 2.0, "c": 3.0},
    "tanh(w*x+b)**2": {"w": 0.5, "x": 2.0, "b": -0.3},
    "log(x)/x + maximum(x, 2*y)": {"x": 1.7, "y": 0.4},
    "exp(sin(x**2))": {"x": 0.7},
    "relu(w*x+b)": {"w": -1.0, "x": 2.0, "b": 0.5},
}


def test_the_prepared_page_is_there_before_python(visit, address):
    page = visit(address)
    assert page.text_content(".formula .value") == "50"
    assert page.locator(".graph svg .node, .graph svg g").count() > 5
    assert page.locator(".numbers input[type=text]").count() == 3


def test_numbers_pictures_and_explanations_are_those_of_python_here(start):
    page = start()
    for f, numbers in CASES.items():
        at = ",".join(f"{name}:{x}" for name, x in numbers.items())
        said = asked(page, "try", f=f, at=at)
        assert said["status"] == 200
        told = json.loads(said["text"])
        root, variables = parse(f, numbers)
        root.label = "f"
        root.backward()
        assert isclose(float(told["value"]), root.data, rel_tol=1e-12)
        for name, v in variables.items():
            assert isclose(float(told["gradients"][name]), v.grad, rel_tol=1e-12, abs_tol=1e-300)
            assert f">{explain(root, v).text}</pre>" in told["explanations"].replace(
                "&#39;", "'"
            ).replace("&gt;", ">").replace("&lt;", "<")
        here, there = (
            float(re.search(r'<svg width="(\d+)pt"', svg)[1])
            for svg in (draw_graph(root).svg(), told["graph"])
        )
        assert isclose(here, there, rel_tol=0.03), f


def test_one_types_and_moves_and_all_of_it_changes(start):
    page = start()
    typed(page, "x*x + 3*y")
    assert page.text_content(".formula .value") == "4"
    assert page.locator(".numbers input[type=text]").count() == 2
    page.fill(".numbers input[type=text] >> nth=0", "2,5")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".result td.gradient >> nth=0") == "5"
    assert "2 · 2.5" in page.text_content(".explanations pre >> nth=0")
    page.focus(".numbers input[type=range] >> nth=1")
    page.keyboard.press("End")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".result td.value >> nth=1") == "5"
    query = parse_qs(urlsplit(location(page)).query)
    assert query == {"f": ["x*x + 3*y"], "at": ["x:2.5,y:5"]}
    page.select_option("#examples", index=3)
    page.wait_for_selector(".live[data-asking=no]")
    assert page.input_value("#f") == "sigmoid(w*x+b)"


def test_what_is_typed_before_the_page_is_ready_counts(visit, address):
    page = visit(address)
    page.set_default_timeout(60_000)
    page.fill("#f", "a*a*a")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.input_value("#f") == "a*a*a"
    assert page.text_content(".formula .value") == "1"


def test_the_address_holds_everything(start, address):
    page = start("en/?f=a*b&at=a:3,b:-4")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".formula .value") == "−12"
    assert page.input_value("#address") == f"{address}en/?f=a*b&at=a:3,b:-4"
    assert "embed=1" in page.input_value("#frame")
    page.click("a[data-language=es]")
    page.wait_for_selector("html[lang=es] body[data-python=ready]")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".formula .value") == "−12"


@pytest.mark.parametrize("secure", [True, False])  # without, there is no navigator.clipboard
def test_what_is_copied_is_said_once_it_is(start, secure):
    page = start("en/?f=a*b&at=a:3,b:-4")
    page.wait_for_selector(".live[data-asking=no]")
    given = "{ writeText: async (text) => { window.held = text; } }" if secure else "undefined"
    page.evaluate(f"""() => {{
      Object.defineProperty(navigator, "clipboard", {{ value: {given} }});
      document.execCommand = () => {{ window.held = getSelection().toString(); }};
    }}""")
    page.click(".share summary")
    page.click("[data-copies=address]")
    expect(page.locator("[data-copies=address]")).to_have_text("Copied")
    assert page.evaluate("window.held") == page.input_value("#address")


def test_the_core_computes_in_the_browser_what_it_computes_here(start):
    """The programs with which tests/test_without_numpy.py goes through the core's rooms."""
    spec = importlib.util.spec_from_file_location("without", ROOT / "tests/test_without_numpy.py")
    without_numpy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(without_numpy)
    number = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?")
    page = start()
    # the others draw, with another Graphviz, or need a terminal
    for name in ("values", "ieee", "functions", "network", "layers"):
        program = textwrap.dedent(without_numpy.PROGRAMS[name])
        here = without_numpy.run(program).stdout
        there = json.loads(asked(page, "python", code=program)["text"])["printed"]
        assert number.split(here) == number.split(there), name
        for mine, other in zip(number.findall(here), number.findall(there)):
            # gradients of about 1 that nearly cancel keep the last bits of their terms
            assert isclose(float(mine), float(other), rel_tol=1e-12, abs_tol=1e-14), name


def test_a_button_opens_the_steps(start):
    page = start("?f=a*b&at=a:3,b:-4")
    page.wait_for_selector(".live[data-asking=no]")
    page.click("#step")
    steps = page.frame_locator("#steps iframe")
    steps.locator("#next").click()
    steps.locator("#last").click()
    assert steps.locator("tbody tr").count() == 3
    assert "steps=1" in location(page)
    page.click("#back")
    page.wait_for_url(lambda url: "steps" not in url)


def test_steps_that_cannot_be_shown_are_not_in_the_address(start):
    page = start()
    typed(page, "a*")
    page.click("#step")
    page.wait_for_function("() => !location.search.includes('steps')")
    assert "a*" in page.text_content(".problem")
    typed(page, "a*b")
    assert page.locator("#steps[open]").count() == 0


def test_what_is_no_expression_is_said_and_nothing_typed_is_lost(start):
    page = start()
    typed(page, "2*(a*b")
    assert "2*(a*b" in page.text_content(".problem")
    assert page.input_value("#f") == "2*(a*b"
    typed(page, "2*(a*b)")
    assert page.text_content(".problem") == ""


def fields(page):
    """What stands in the fields of the variables, and where their sliders are."""
    rows = page.locator(".numbers > div").all()
    return {
        row.locator("var").text_content(): [
            row.locator("input").nth(i).input_value() for i in range(2)
        ]
        for row in rows
    }


def test_an_example_with_names_that_are_there_brings_its_own_numbers(start):
    page = start("?f=w*x%2Bb&at=w:5,x:6,b:7")
    page.select_option("#examples", label="una neurona apagada")
    page.wait_for_selector(".formula .value:text-is('0')")
    assert fields(page) == {"w": ["-1"] * 2, "x": ["2"] * 2, "b": ["0.5"] * 2}


def test_a_number_comes_back_with_its_name(start):
    page = start("?f=a*b%2Bc&at=a:2,b:3,c:7")
    typed(page, "a*b+5")
    assert parse_qs(urlsplit(location(page)).query)["at"] == ["a:2,b:3"]
    typed(page, "4")
    typed(page, "a*b+5*c")
    assert page.text_content(".formula .value") == "41"
    assert fields(page)["c"][0] == "7"


HOLD = """() => {
  const ask = python.ask.bind(python);
  const until = new Promise((done) => { window.letGo = done; });
  python.ask = async (...question) => {
    await until;
    return ask(...question);
  };
}"""  # answers wait


def test_where_one_types_stays_while_other_variables_come(start):
    page = start("?f=a*b&at=a:2,b:3")
    page.evaluate(HOLD)
    page.fill("#f", "a*c + b*d")
    second = page.locator(".numbers input[type=text]").nth(1)
    second.fill("7")
    page.evaluate("letGo()")
    page.wait_for_selector(".live[data-asking=no]")
    assert list(fields(page)) == ["a", "c", "b", "d"]
    page.keyboard.type("5")
    page.wait_for_selector(".formula .value:text-is('77')")
    typed(page, "d*c")
    assert list(fields(page)) == ["d", "c"]


def test_an_explanation_that_was_opened_stays_open(start):
    page = start()
    page.click(".explanations summary >> nth=1")
    page.locator(".numbers input[type=text]").first.fill("4")
    page.wait_for_selector(".formula .value:text-is('242')")
    assert page.locator(".explanations pre:visible").count() == 1


def test_what_is_no_number_is_said_and_the_picture_is_not_taken_for_its_own(start):
    page = start()
    field = page.locator(".numbers input[type=text]").first
    above = field.bounding_box()
    for text in ("abc", "", "1e999", "1.000,5"):
        field.fill(text)
        assert page.text_content(".problem").startswith("a: Eso no es un número")
        assert page.get_attribute(".live .graph", "aria-disabled") == "true"
        assert field.bounding_box() == above
    page.fill(".numbers input[type=text] >> nth=1", "3")  # another does not excuse it
    page.wait_for_selector(".formula .value:text-is('72')", state="attached")
    assert page.text_content(".problem").startswith("a: Eso no es un número")
    page.focus(".numbers input[type=range] >> nth=0")
    page.keyboard.press("Home")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".problem") == ""
    assert field.get_attribute("aria-invalid") == "false"


def test_the_formula_is_not_its_own_name_or_number_once_more(start):
    page = start()
    for f, said in (("5", "f=5"), ("x", "x=1"), ("+".join(["x*y"] * 40), "f=40"), ("2x", "f=2x=2")):
        typed(page, f)
        plain = unicodedata.normalize("NFKC", page.text_content(".formula"))
        assert "".join(plain.split()) == said


@pytest.mark.parametrize("width", [360, 1366])
def test_what_is_wrong_lies_over_no_field(start, width):
    for path in ("notes.html", ""):
        page = start(path, viewport={"width": width, "height": 768})
        page.fill(".numbers input[type=text] >> nth=0", "abc")
        said, fields = (
            page.locator(f".live > .{part}").bounding_box() for part in ("problem", "numbers")
        )
        assert (
            said["y"] >= fields["y"] + fields["height"]
            or said["y"] + said["height"] <= fields["y"]
            or said["x"] >= fields["x"] + fields["width"]
        )


def test_what_is_wrong_is_seen_on_a_phone_above_its_keyboard(start):
    page = start(
        "?f=a*b*c*d*g*h&at=a:1,b:2,c:3,d:4,g:5,h:6", viewport={"width": 360, "height": 640}
    )
    typed(page, "a*b*c*d*g*h*")
    assert page.locator(".problem").bounding_box()["y"] < 400


def test_a_copied_address_is_that_of_the_page_without_https_too(start):
    page = start(viewport={"width": 1366, "height": 768})
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate("addEventListener('copy', () => { document.title = getSelection().toString(); })")
    page.click(".share summary")
    button = page.locator("[data-copies=address]")
    button.click()
    assert button.text_content() == "Copiado"
    assert page.title() == page.input_value("#address")
    typed(page, "a*b")
    assert button.text_content() == "Copiar"


def test_nothing_moves_while_an_expression_is_not_whole_yet(start):
    page = start()
    places = ".numbers, .live .graph"
    seen = [place.bounding_box() for place in page.locator(places).all()]
    typed(page, "2*(a*b+c)**")
    assert page.text_content(".problem") != ""
    assert [place.bounding_box() for place in page.locator(places).all()] == seen


DEEP = [
    ("(" * 100 + "a" + ")" * 100, 200),
    ("sin(" * 100 + "a" + ")" * 100, 200),
    ("+".join("a" * 501), 200),
    ("-" * 500 + "a", 200),
    ("**".join("a" * 501), 200),
    ("(" * 101 + "a" + ")" * 101, 400),
    ("a" + "+a" * 501, 400),
    ("-" * 501 + "a", 400),
    (" not" * 5000 + " a", 400),
    ("a" + " if a else a" * 300, 400),
]


def test_deep_expressions_are_answered_or_refused_and_end_nothing(start):
    page = start()
    for f, status in DEEP:
        assert asked(page, "try", f=f, at="a:1.0001")["status"] == status, f
        assert asked(page, "try", f="a*a", at="a:3")["status"] == 200


def test_a_worker_that_dies_is_started_again_and_nothing_typed_is_lost(start):
    page = start()
    with ending(page):
        page.workers[0].evaluate("self.postMessage({ dead: 'by a test' })")
    page.fill("#f", "a*a*a")
    page.wait_for_selector("body[data-python=ready]")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.input_value("#f") == "a*a*a"
    assert page.text_content(".formula .value") == "1"


def test_a_program_that_never_ends_is_ended_and_stays_and_the_next_one_runs(start):
    page = start("en/python.html")
    program = "while True:\n    pass"
    page.fill("#code", program)
    page.click("#run")
    page.wait_for_selector("#run:disabled")
    page.wait_for_selector("#run:enabled")
    assert "starts anew" in page.text_content("#printed")
    assert page.input_value("#code") == program
    page.wait_for_selector("body[data-python=ready]")
    page.fill("#code", "print(6 * 7)")
    page.click("#run")
    page.wait_for_selector("#printed:text-is('42')")


def test_a_worker_that_does_not_answer_is_started_again_and_nothing_typed_is_lost(start):
    page = start("en/teachers.html?seed=3&level=1")
    page.frame_locator("#sheet").locator("svg").first.wait_for()
    with ending(page):
        page.workers[0].evaluate("setTimeout(() => { for (;;); })")
        page.fill("#seed", "5")
        page.click("#make .primary")
    assert "starts anew" in page.text_content("#say")
    page.wait_for_selector("body[data-python=ready]")
    assert page.input_value("#seed") == "5"
    page.click("#make .primary")
    page.wait_for_url("**seed=5**")
    assert page.text_content("#say") == ""


PAGES = [
    "index.html", "lessons/index.html", "lessons/1-nudge.html", "notes.html", "python.html",
    "teachers.html", "guide.html", "how-it-works.html", "proofs.html",
]  # fmt: skip


def in_one_file(language):
    """The site of a language as one file."""
    path = SITE / f"micrograd_{language}.html"
    if not path.exists():
        pytest.skip("the site was built without --one-file")
    return path


@pytest.fixture
def one_file(visit):
    """It in English, once Python is there."""
    page = visit(in_one_file("en"))
    page.set_default_timeout(60_000)
    page.wait_for_selector("body[data-python=ready]")
    return page


def opened(page, name):
    """The page of that name in the menu of the one file, in its frame, once it has loaded."""
    page.click(f"nav.site >> text={name}")
    return page.frame_locator("#pages iframe[title]:not([hidden])")


def test_one_file_works_from_a_disk(one_file):
    typed(one_file, "a*a + b")
    assert one_file.text_content(".formula .value") == "3"
    one_file.click("#step")
    one_file.frame_locator("#steps iframe").locator("#next").click()


def test_in_one_file_a_click_waits_for_the_script_and_the_steps_are_seen(visit):
    page = visit(in_one_file("en"))
    page.set_default_timeout(60_000)
    page.fill("#f", "u*v")
    page.press("#f", "Enter")
    page.click("#step")
    page.frame_locator("#steps iframe").locator("#next").click()
    assert page.input_value("#f") == "u*v"


def trained(query, answer=lambda query: json.loads(answer_of_play("/train", query).body)):
    """What is answered once it is that far: no answer trains for longer than it may."""
    while (told := answer(query))["updates"] < int(parse_qs(query)["updates"][0]):
        pass
    return told


def trained_in(page, query):
    """The same of the page."""
    asks = "query => fetch(`train?${query}`).then((r) => r.json())"
    return trained(query, lambda query: page.evaluate(asks, query))


def test_one_file_trains(one_file):
    training = opened(one_file, "Train")
    training.locator("body[data-asking=no]").wait_for()
    assert training.locator("#slow").is_visible()
    training.locator("#step").click()
    training.locator("#updates:text-is('1')").wait_for()
    here = trained("updates=1")
    assert training.locator("#cost").text_content() == f"{here['cost']:.4g}"
    training.locator(".point").first.click()
    training.locator("#graph svg").wait_for()
    training.locator("#steps").click()
    one_file.frame_locator("#steps iframe").locator("#next").click()
    one_file.click("#back")
    opened(one_file, "Lessons").locator("h1").wait_for()
    assert opened(one_file, "Train").locator("#updates").text_content() == "1"


def test_one_file_has_the_lessons(one_file):
    lesson = opened(one_file, "Lessons")
    lesson.locator("a[href='2-chain.html']").click()
    lesson.locator("#question1").fill("6")
    lesson.locator("#question1").press("Enter")
    first = lesson.locator(".live").first
    first.locator("input[type=text]").fill("2")
    lesson.locator(".live[data-asking=no]").wait_for()
    assert first.locator(".formula .value").text_content() == "36"
    assert not first.locator(".explanations").is_visible()
    for n, answer in enumerate(("18", "36", "5", "10", "20"), 2):
        lesson.locator(f"#question{n}").fill(answer)
        lesson.locator(f"#question{n}").press("Enter")
    lesson.locator("a[href*='index.html?f=exp']").click()
    one_file.wait_for_selector(".live[data-asking=no]")
    assert one_file.input_value("#f") == "exp(sin(x**2))"
    python = opened(one_file, "Python")
    python.locator("#run").click()
    python.locator("#shown svg").wait_for()


def pages_of(language):
    """The names of the pages of a language, and of the reference, which all have."""
    home = SITE / ("en" if language == "en" else "")
    for path in home.rglob("*.html"):
        name = path.relative_to(home).as_posix()
        if not name.startswith(("en/", "reference/", "micrograd_")):
            yield name
    for path in (SITE / "reference").rglob("*.html"):
        yield path.relative_to(SITE).as_posix()


@pytest.mark.parametrize(
    ("language", "words", "found", "teachers"),
    [("es", "se tropieza", "Guía de las lecciones", "Docentes"),
     ("en", "where they stumble", "A guide to the lessons", "Teachers")],
)  # fmt: skip
def test_one_file_has_all_pages_the_search_and_worksheets(visit, language, words, found, teachers):
    path = in_one_file(language)
    held = re.findall(r'data-file="pages/([^"]*)"', path.read_text("utf-8"))
    # the first stands open, and what is shown on a page of its own opens over the others
    assert {*held, "index.html", "show.html"} == set(pages_of(language))

    page = visit(path)
    page.set_default_timeout(60_000)
    frame = page.frame_locator("#pages iframe:not([hidden])")
    menu = page.locator("nav.site > a:not(.home)")
    headings = set()
    for i, name in enumerate(menu.all_text_contents()):
        menu.nth(i).click()
        page.locator("[aria-current=page]", has_text=name).wait_for()
        headings.add((frame if i else page).locator("h1 >> visible=true").first.inner_text())
        assert page.is_visible("#f") == (i == 0)
    assert len(headings) == 7

    searched(page, words)
    page.locator(".found a", has_text=found).first.click()
    frame.locator("h1", has_text=found).wait_for()

    teaching = opened(page, teachers)
    teaching.locator("#seed").fill("3")
    teaching.locator("#make .primary").click()
    teaching.frame_locator("#sheet").locator("svg").nth(1).wait_for()
    sheet = teaching.locator("#sheet").get_attribute("srcdoc")
    assert sheet == asked(page, "worksheet", seed="3", level="1")["text"]


def test_the_licences_go_along():
    if not (SITE / "index.html").exists():
        without("the site (python tools/site.py builds it)")
    text = (SITE / "LICENSES.txt").read_text("utf-8")
    for part in ("pyodide 0", "@viz-js/viz 3", "minisearch 7", "jinja2 3", "markupsafe 3",
                 "graphviz 0", "latex2mathml 3", "micrograd_es 0"):  # fmt: skip
        assert re.search(rf"^{re.escape(part)}", text, re.MULTILINE), part
    for named in ("MPL-2.0", "Pallets", "Sebastian Bank", "Luca Ongaro"):
        assert named in text
    assert text.count("Redistributions of source code") == 2


def test_all_links_lead_somewhere(address):
    for page in SITE.rglob("*.html"):
        if "reference" in page.parts or page.name.startswith("micrograd_"):
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)[^"]*"', page.read_text("utf-8")):
            if not link.startswith(("http", "data:", "…")) and link != "graph.svg":
                assert (page.parent / link).resolve().exists() or link in ("steps",), (page, link)


STARTS_LATER = """{
  const { postMessage } = Worker.prototype;
  const until = new Promise((done) => { window.letGo = done; });
  Worker.prototype.postMessage = function (...said) {
    until.then(() => postMessage.apply(this, said));
  };
}"""  # a worker is told nothing until then


def test_a_link_shows_nothing_else_while_python_starts(visit, address):
    page = visit(address + "guide.html")
    page.set_default_timeout(60_000)
    page.add_init_script(STARTS_LATER)
    page.goto(address + "?f=a*b&at=a:2,b:4")
    page.wait_for_selector(".live[data-asking=yes]")
    expect(page.locator(".live > .graph")).to_be_hidden()
    page.evaluate("letGo()")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".formula .value") == "8"
    assert page.is_visible(".graph")


def test_a_lesson_to_its_end(visit, address):
    page = visit(address + "lessons/2-chain.html")
    parts = page.locator(".part")
    told = page.locator(".explanations")
    assert parts.count() == 7

    def shown():
        return [parts.nth(i).is_visible() for i in range(7)].index(False)

    def answered(n, text):
        page.fill(f"#question{n}", text)
        page.press(f"#question{n}", "Enter")
        return page.text_content(f"#question{n}-say")

    assert shown() == 1
    assert not told.first.is_visible()  # it would tell the answer
    gradients = page.locator(f".graph text[fill='{LIGHT['gradient']}']:not([font-style])")
    assert gradients.count()
    assert not any(one.is_visible() for one in gradients.all())
    assert "3" in answered(1, "5")
    assert "1/4" in answered(1, "6,1,2")
    assert shown() == 1
    answered(1, "12/2")
    assert shown() == 2
    answered(2, "17")
    page.click(".part:nth-child(2) .show")
    assert page.input_value("#question2") == "18"
    assert shown() == 3
    assert not told.first.is_visible()
    answered(3, "36,0")
    assert [told.nth(i).is_visible() for i in range(2)] == [True, False]  # each its own questions
    for n, text in enumerate(("5", "10", "20"), 4):
        answered(n, text)
    assert [told.nth(i).is_visible() for i in range(2)] == [True, True]
    asked = [page.get_attribute(f"form >> nth={n}", "data-answer") for n in range(6)]
    page.reload()
    page.wait_for_selector("form.answered >> nth=5")
    assert parts.nth(6).is_visible()
    assert [page.input_value(f"#question{n}") for n in range(1, 7)] == asked
    page.click("a[data-language=en]")
    page.wait_for_selector("html[lang=en]")
    page.wait_for_selector("form.answered >> nth=5")
    assert parts.nth(6).is_visible()
    assert page.input_value("#question6") == "20"


def test_a_second_answer_that_is_wrong_is_not_marked_as_right(start):
    page = start("lessons/2-chain.html")
    form = page.locator("form.question").first
    for text, said, right in (("6", "Correcto", 1), ("7", "Todavía no", 0), ("6", "Correcto", 1)):
        form.locator("input").fill(text)
        form.locator("input").press("Enter")
        expect(form.locator(".say")).to_contain_text(said)
        assert page.locator("form.answered").count() == right
    assert page.locator(".part").nth(1).is_visible()


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_answers_of_the_lessons_are_right(language):
    """What a question asks of its picture, from PyTorch's arithmetic and by hand."""
    folder = ROOT / "web/lessons" / language
    answers = {
        path.stem: re.findall(r"^answer = (.*)$", path.read_text("utf-8"), re.MULTILINE)
        for path in sorted(folder.glob("*.md"))
    }
    torch = pytest.importorskip("torch")

    def slopes(f, *at):
        """What f is there, and its derivatives."""
        x = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in at]
        return [f(*x).item(), *(g.item() for g in torch.autograd.grad(f(*x), x, allow_unused=True))]

    nudge = slopes(lambda a, b, c: a * b + c, 2, -3, 12)
    chain, last = (lambda x: (3 * x) ** 2), (lambda x: 5 * (2 * x - 3) ** 2)
    both = slopes(lambda a, b, c, d: (a + b) * c + (a + b) * d, 1, 2, 4, 5)
    neuron = slopes(lambda w, b: torch.sigmoid(2 * w + b), 0.5, -1)

    def several(w, b):
        return torch.relu(2 + 3 * w + b)

    paths = (
        slopes(lambda w: (2 * torch.relu(2 * w) - 3) ** 2, 1),
        slopes(lambda w: (-torch.relu(2 * w) - 4) ** 2, 1),
    )

    def stepped(w, rate):
        return w - rate * slopes(lambda x: (x - 3) ** 2, w)[1]

    line = slopes(lambda w, b: (2 * w + b - 5) ** 2, 1, 0)
    there = [1 - 0.05 * line[1], 0 - 0.05 * line[2]]
    modes = slopes(lambda a, b, c, d: a * b + c * d, 1, 2, 3, 4)
    learnt = slopes(lambda w: (torch.tanh(w) - 1) ** 2, -0.5)
    wanted = {
        "1-nudge": [0.01 * nudge[1], -0.02 * nudge[1], *nudge[2:], (3.1**2 - 3**2) / 0.1,
                    slopes(lambda a: a * a, 3)[1]],
        "2-chain": [2 * 3, slopes(chain, 1)[1], slopes(chain, 2)[1],
                    5, slopes(lambda u: 5 * u**2, 1)[1], slopes(last, 2)[1]],
        "3-fan-out": [3, *(slopes(lambda x: x * x + 3 * x, x)[1] for x in (2, -1)),
                      4 + 5, both[1], both[1] - 5],
        "4-neuron": [0.5 * 2 - 1, *neuron[1:], slopes(lambda b: torch.sigmoid(1 + b), 5)[0],
                     slopes(several, -1, 2)[0], slopes(several, -1, 2)[1],
                     slopes(several, -1, -1)[1]],
        "5-paths": [2, paths[0][1], paths[1][1], paths[0][1] + paths[1][1], 1],
        "6-descent": [stepped(0, 0.1), stepped(0.6, 0.1), 2.4 / 3, stepped(0, 0.5),
                      stepped(0, 1.1), *there, (2 * there[0] + there[1] - 5) ** 2],
        "7-modes": [2, 0, 4, modes[1], 1, 1],
        "8-training": [-1, -0.5 - 0.1 * learnt[1], 2 * 4 + 4 + 4 * 4 + 4 + 4 + 1, 100 * 60,
                       100 * 9 / 18],
    }  # fmt: skip
    assert answers.keys() == wanted.keys()
    for name, numbers in wanted.items():
        assert [float(x) for x in answers[name]] == pytest.approx(numbers, rel=1e-4, abs=1e-12)


def test_the_numbers_of_the_notes_follow_the_fields(start):
    notes = load("notas")
    with speaking("en"):
        wanted = notes.page(notes.network({"x⁽¹⁾": 1.5})).partition("</h1>")[2]
    plain = re.sub(r"<(svg|style).*?</\1>|<[^>]*>|\s", "", wanted, flags=re.DOTALL)
    digits = re.findall(r"0[.]\d{8}", plain)
    assert len(digits) == 32  # of each derivative, and its finite difference, twice
    page = start("en/notes.html")
    page.fill(".numbers label:has-text('x⁽¹⁾') input", "1,5")
    page.wait_for_selector(f"#document :text('{digits[0]}')")
    shown = re.findall(r"0[.]\d{8}", page.text_content("#document"))
    assert shown == digits


@pytest.mark.parametrize(
    "path",
    ["teachers.html?seed=7&level=3", "show.html?path=steps&point=3", "notes.html?at=x⁽¹⁾:0.25"],
)
def test_the_other_language_shows_the_same(start, path):
    page = start(path)
    if path.startswith("notes"):
        page.fill(".numbers input[type=text] >> nth=0", "2")
        page.wait_for_function("() => location.search.includes(':2,')")
    page.click("a[data-language=en]")
    page.wait_for_selector("html[lang=en]")
    page.wait_for_selector("body[data-python=ready]")
    frame = page.frame_locator("iframe")
    if path.startswith("teachers"):
        frame.locator("svg").first.wait_for()
        assert [page.input_value(part) for part in ("#seed", "#level")] == ["7", "3"]
    elif path.startswith("show"):
        frame.locator("#next").wait_for()
        assert page.text_content("#say") == ""
    else:
        page.wait_for_selector(".numbers >> text=x⁽¹⁾")
        page.wait_for_selector(".live[data-asking=no]")
        kept = fields(page)
        assert kept["x⁽¹⁾"][0] == "0.25"
        assert next(iter(kept.values()))[0] == "2"


def test_a_worksheet_is_made_from_its_seed(start):
    page = start("en/teachers.html?seed=3&level=1")
    sheet = page.frame_locator("#sheet")
    sheet.locator("svg").nth(1).wait_for()
    assert page.is_enabled("#print")
    first = page.get_attribute("#sheet", "srcdoc")
    assert asked(page, "worksheet", seed="3", level="1", lang="en")["text"] == first
    assert asked(page, "worksheet", seed="4", level="1", lang="en")["text"] != first


@pytest.mark.parametrize("asked", ["seed=abc&level=1", "seed=1&level=9", "seed=-4&level=2"])
def test_a_worksheet_that_cannot_be_is_refused_at_its_field(start, asked):
    page = start(f"teachers.html?{asked}")
    assert page.locator("#make :invalid").count() == 1
    assert page.locator("#say").text_content() == ""
    page.fill("#seed", "3")
    page.select_option("#level", "2")
    page.click("#make .primary")
    page.frame_locator("#sheet").locator("svg").first.wait_for()


def test_the_box_runs_python_and_shows_pictures(start):
    page = start("en/python.html")
    page.click("#run")
    page.wait_for_selector("#shown svg")
    assert page.text_content("#printed").strip() == "50.0 40.0"
    page.fill("#code", "a.grad * 2")  # names stay
    page.press("#code", "Control+Enter")
    page.wait_for_selector("#shown pre")
    assert page.text_content("#shown") == "80.0"
    page.fill("#code", "1 / 0")
    page.click("#run")
    page.wait_for_selector("#run:enabled")
    assert page.text_content("#printed").startswith("Traceback")
    assert page.text_content("#printed").strip().endswith("ZeroDivisionError: division by zero")
    assert "answers" not in page.text_content("#printed")


def test_a_picture_of_another_program_is_not_shown_beside_a_run(start):
    page = start("en/python.html")
    page.click("#run")
    page.wait_for_selector("#shown svg")
    page.evaluate(HOLD)
    page.click("button[data-code] >> nth=1")
    expect(page.locator("#shown")).to_be_hidden()
    page.fill("#code", "1 + 1")
    page.press("#code", "Control+Enter")  # the last one counts
    page.evaluate("letGo()")
    page.wait_for_selector("#run:enabled")
    assert page.inner_text("#shown") == "2"


def test_a_program_that_asks_is_told_what_to_do_instead(start):
    page = start("python.html")
    page.fill("#code", "f = (")
    page.click("#run")
    page.wait_for_selector("#printed:text('SyntaxError')")
    assert "<page>" in page.text_content("#printed")
    page.fill("#code", 'print("a ver")\nx = float(input("x: "))')
    page.click("#run")
    page.wait_for_selector("#printed:text('EOFError')")
    assert "escribe la respuesta en el programa" in page.text_content("#printed")
    page.fill("#code", "help(len)")
    page.click("#run")
    page.wait_for_selector("#printed:text('Return the number of items')")


def test_a_program_stays_through_reloads_languages_and_other_pages(start):
    page = start("python.html")
    code = expect(page.locator("#code"))  # waits: it is the page's script that brings it
    page.fill("#code", "mine = 7")
    page.reload()
    code.to_have_value("mine = 7")
    page.click("a[data-language=en]")
    page.wait_for_selector("html[lang=en]")
    code.to_have_value("mine = 7")
    page.click("nav.site >> text=Teachers")
    page.wait_for_url("**/teachers.html")
    page.click("nav.site >> text=Python")
    code.to_have_value("mine = 7")
    page.click("button[data-code] >> nth=1")
    example = page.input_value("#code")
    page.reload()
    code.to_have_value(example)


def test_an_example_can_be_undone_and_ones_own_program_is_there_again(start):
    page = start("python.html")
    code = expect(page.locator("#code"))
    page.fill("#code", "mine = 7")
    example = page.locator("button[data-code] >> nth=1")
    example.click()
    code.to_have_value(example.get_attribute("data-code"))
    expect(example).to_be_focused()
    page.press("#code", "Control+z")
    code.to_have_value("mine = 7")
    page.reload()
    code.to_have_value("mine = 7")


def test_what_is_typed_before_the_script_comes_is_the_newer_program(start):
    page = start("python.html", service_workers="block")
    page.fill("#code", "old = 1")
    held = []
    page.route("**/python.js", lambda route: held.append(route))
    with page.expect_request("**/python.js"):
        page.reload(wait_until="commit")
    page.fill("#code", "print('new')")
    held.pop().continue_()
    page.wait_for_selector("body[data-python=ready]")
    page.click("#run")
    page.wait_for_selector("#printed:text('new')")


def test_the_box_shows_the_steps_of_a_pass(start):
    page = start("en/python.html")
    page.click("button[data-code*=BackwardPass]")
    steps = page.frame_locator("#shown iframe")
    steps.locator("#next").click()
    assert page.text_content("#printed") == ""


def searched(page, words):
    """Where the search leads, best first."""
    page.set_default_timeout(60_000)
    page.fill("[role=search] input", words)
    page.wait_for_selector(f".found[data-asked='{words}']:visible")
    return page.eval_on_selector_all(".found a", "links => links.map((a) => a.href)")


@pytest.mark.parametrize(
    ("start", "words", "place"),
    [
        ("", "regla de la cadena", "lessons/2-chain.html"),
        ("lessons/1-nudge.html", "funcion", "how-it-works.html#el-calculo-es-texto"),
        ("notes.html", "conjunto de datos ruido", "play/index.html"),
        ("show.html", "apuntes dejan abierto", "notes.html#lo-que-los-apuntes-dejan-abierto"),
        ("teachers.html", "check_gradient", "reference/micrograd_es.html?lang=es#check_gradient"),
        ("en/proofs.html", "chain rule", "en/lessons/2-chain.html"),
        ("en/notes.html", "worksheet", "en/teachers.html#worksheets"),
        ("en/python.html", "oracles", "en/proofs.html#the-oracles"),
        ("reference/micrograd_es.html?lang=en", "fan-out", "en/lessons/3-fan-out.html"),
        ("reference/micrograd_es.html?lang=es", "oraculos", "proofs.html#los-oraculos"),
        ("reference/micrograd_es/data.html?lang=en", "moons", "data.html?lang=en#moons"),
    ],
)
def test_one_search_finds_in_all_pages_of_the_language(visit, address, start, words, place):
    page = visit(address + start)
    found = searched(page, words)
    assert any(place in link for link in found[:5]), found


def test_the_search_is_used_with_keys(visit, address):
    page = visit(address + "lessons/index.html")
    best, second, *_ = searched(page, "gradiente")
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.href") == second
    page.keyboard.press("Escape")
    assert not page.is_visible(".found")
    assert page.evaluate("document.activeElement.type") == "search"
    assert page.input_value("[role=search] input") == ""
    searched(page, "qqqq")
    assert page.text_content(".found [role=status]") == "No se encontró nada"
    assert searched(page, "gradiente")[0] == best
    page.keyboard.press("Enter")
    page.wait_for_url(best)
    target = urlsplit(best).fragment
    assert not target or page.locator(f"[id='{target}']").count() == 1


def test_on_a_phone_what_is_found_fits(visit, address):
    for name in ("en/index.html", "reference/micrograd_es.html"):
        page = visit(address + name, viewport={"width": 360, "height": 640})
        if name.startswith("reference"):
            page.click("#navtoggle")
        searched(page, "gradient")
        assert page.locator(".found").bounding_box()["width"] <= 360


def test_the_site_works_without_a_network(start, address):
    page = start("?f=a*b&at=a:3,b:-4")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    # as a function: the page's policy lets no text be evaluated again, as waiting would
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.context.set_offline(True)
    page.goto(address + "lessons/4-neuron.html")
    page.wait_for_selector("body[data-python=ready]")
    page.goto(address + "?f=a*a&at=a:3")
    page.wait_for_selector("body[data-python=ready]")
    page.wait_for_selector(".live[data-asking=no]")
    assert page.text_content(".formula .value") == "9"
    page.context.set_offline(False)


def test_training_is_that_of_the_server(start):
    if not list((SITE / "pyodide").glob("numpy*.whl")):
        pytest.skip("the site was built without NumPy's wheel (--numpy FILE)")
    page = start("play/?layers=4-4&seed=2")
    page.wait_for_selector("body[data-asking=no]")
    query = "layers=4-4&seed=2&updates=7&point=3"
    here, there = trained(query), trained_in(page, query)
    assert here["updates"] == there["updates"] == 7
    for mine, other in zip(here["parameters"], there["parameters"]):
        assert isclose(mine, other, rel_tol=1e-12, abs_tol=1e-15)
    page.click("#step")
    page.wait_for_selector("body[data-asking=no]")
    assert page.text_content("#updates") == "1"


def test_where_numpy_cannot_be_had_plain_python_trains_and_says_so(visit, address, tmp_path):
    folder = tmp_path / "site"
    shutil.copytree(SITE, folder)
    page = folder / "en/play/index.html"
    text = page.read_text("utf-8")
    page.write_text(re.sub(r'"wheel": "[^"]*"', '"wheel": "pyodide/"', text), "utf-8")
    lock = json.loads((folder / "pyodide/pyodide-lock.json").read_text("utf-8"))
    (folder / "pyodide" / lock["packages"]["numpy"]["file_name"]).write_bytes(b"another file")
    query = "layers=4-4&seed=2&updates=30&test=20"
    with served(folder) as elsewhere:
        page = visit(f"{elsewhere}en/play/?{query}&lang=en")
        page.set_default_timeout(60_000)
        page.wait_for_selector("body[data-asking=no]")
        assert "plain Python" in page.text_content("#slow:not([hidden])")
        here, there = trained(query), trained_in(page, query)
        assert (there["slow"], here["slow"]) == (True, False)
        assert there["updates"] == 30
        for name in "curve", "tests":
            for (update, mine), (same, other) in zip(here[name], there[name], strict=True):
                assert update == same
                assert isclose(mine, other, rel_tol=1e-9)
        page.click("#step")
        page.wait_for_selector("body[data-asking=no]")
        assert page.text_content("#updates") == "31"
        page.click("#tabs [aria-controls=landscape-panel]")
        page.wait_for_selector("#landscape .way")
        assert asked(page, "play/maps", layers="3")["status"] == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, address, accessible, scheme):
    for name in [*PAGES, "reference/micrograd_es.html"]:
        page = visit(address + name, color_scheme=scheme)
        accessible(page)
        page.close()


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_every_page_fits(visit, address, name):
    page = visit(address + name, viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_on_a_phone_nothing_runs_out_of_the_page(start):
    page = start("?f=tanh(w*x%2Bb)**2", viewport={"width": 360, "height": 640})
    page.wait_for_selector(".live[data-asking=no]")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_graphs_of_the_lessons_are_seen_whole_on_a_laptop(visit, address):
    size = {"width": 1366, "height": 768}
    for path in sorted((ROOT / "web/lessons/es").glob("*.md")):
        page = visit(address + f"lessons/{path.stem}.html", viewport=size)
        widths = page.locator(".live > .graph").evaluate_all(
            "all => all.filter((e) => e.offsetParent).map((e) => [e.scrollWidth, e.clientWidth])"
        )
        assert widths, path
        assert all(needed <= there for needed, there in widths), (path, widths)
        page.close()


def test_type_and_pictures_grow_with_the_screen(visit, address):
    seen = []
    for width, height in ((1366, 768), (1920, 1080), (3840, 2160)):
        page = visit(address, viewport={"width": width, "height": height})
        size = page.locator("h1").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        seen.append([size, page.locator(".graph svg").bounding_box()["width"]])
        page.goto(address + "reference/micrograd_es.html")
        size = page.locator("main p").first.evaluate(
            "e => parseFloat(getComputedStyle(e).fontSize)"
        )
        seen[-1].append(size)
    assert all(b > 1.2 * a for a, b in zip(seen[0], seen[1]))
    assert all(c > 1.6 * b for b, c in zip(seen[1], seen[2]))


def test_the_reference_fits_a_phone(visit, address):
    page = visit(address + "reference/micrograd_es.html", viewport={"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_the_training_page_is_seen_at_once_below_the_menu(start, size):
    page = start("play/index.html", viewport={"width": size[0], "height": size[1]})
    page.wait_for_selector("body[data-asking=no]")
    for part in (".legend", "#network", "#curve"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= size[1]


@pytest.mark.parametrize("width", [360, 1366])
def test_axe_finds_nothing_beside_a_long_formula_and_a_mistake(start, accessible, width):
    page = start(viewport={"width": width, "height": 768})
    typed(page, "tanh(w1*x1 + w2*x2 + b)**2 + maximum(x1, 3)")
    accessible(page)
    typed(page, "2*(a*b")
    accessible(page)


@pytest.mark.parametrize("name", ["", "lessons/2-chain.html", "notes.html", "play/"])
def test_on_paper_is_what_is_read_and_graphs_are_whole(visit, address, name):
    page = visit(address + name)
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 without its margins
    for what in ("nav.site", "button", "input[type=range]", "footer"):
        assert page.locator(f"{what} >> visible=true").count() == 0, what
    whole = """() => [...document.querySelectorAll(".live .graph")].filter((e) => e.offsetWidth)
        .every((e) => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight)"""
    assert page.evaluate(whole)


def test_what_an_old_browser_can_do_is_in_sight(browser, address):
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(address)
    box = page.locator("#old").bounding_box()
    assert box["y"] + box["height"] <= 640
    page.emulate_media(media="print")
    assert not page.is_visible("#old")
    page.close()


def test_the_programs_of_the_box_end_well(capsys):
    for _name, code in tool("site_pages").programs():
        lines = code.splitlines()
        exec("\n".join(lines[:-1]), names := {})
        shown = str(eval(lines[-1], names))
        assert "nan" not in capsys.readouterr().out + shown
