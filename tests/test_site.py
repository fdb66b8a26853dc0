"""The site's parts that need no browser: its answers, lessons, and what its build refuses."""

from __future__ import annotations

import importlib.util
import json
import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import pytest

from micrograd_es.gallery import load

pytest.importorskip("markdown_it")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def tools(monkeypatch):
    """Modules of tools/ by name; one of them is named like the standard library's `site`."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))

    def load(name):
        spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / f"tools/{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def answer(tools):
    return tools("site_pages").answers.answer


def test_an_expression_is_answered_with_its_numbers_and_pictures(answer):
    status, kind, text = answer("try", "f=a*b%2Bc&at=a:2,b:-3,c:10&lang=en")
    told = json.loads(text)
    assert (status, kind, told["value"]) == (200, "application/json", "4.0")
    assert told["gradients"] == {"a": "-3.0", "b": "2.0", "c": "1.0"}
    assert told["variables"] == [["a", 2.0], ["b", -3.0], ["c", 10.0]]
    assert told["graph"].startswith("<svg")
    assert "∂f/∂a = b" in told["explanations"]


def test_a_variable_without_a_number_is_one_and_whose_derivatives_are_explained_can_be_said(answer):
    told = json.loads(answer("try", "f=x*y*z&at=y:2&wrt=z").text)
    assert told["value"] == "2.0"
    assert told["explanations"].count("<pre") == 1
    assert "∂f/∂z = x · y" in told["explanations"]


def test_what_has_no_value_has_no_derivative_in_the_table_either(answer):
    told = json.loads(answer("try", "f=log(x)&at=x:-1").text)
    assert "nan" not in told["result"]
    assert "−1</td>" in told["result"]  # x itself, whose derivative 1/x would be the same
    assert told["result"].count("−1") == 1
    assert told["result"].count("—") == 2


def test_names_of_a_query_are_no_markup(answer):
    told = json.loads(answer("try", "f=a*b&at=a:2").text)
    assert "<script" not in json.dumps(told)
    status, kind, text = answer("try", "f=<script>alert(1)</script>")
    assert (status, kind) == (400, "text/plain")  # shown as text
    assert text


@pytest.mark.parametrize(
    "f", ["(" * 101 + "a" + ")" * 101, "a" + "+a" * 501, "-" * 501 + "a", "", "a+", "a=1"]
)
def test_what_is_too_deep_or_no_expression_is_refused_in_a_line(answer, f):
    status, kind, text = answer("try", f"f={f.replace('+', '%2B')}")
    assert (status, kind) == (400, "text/plain")
    assert "\n" not in text


@pytest.mark.parametrize("language", ["es", "en"])
def test_lessons_have_pictures_and_questions_with_a_number_each(tools, language):
    lesson = tools("site_lessons").Lesson
    seen = []

    def ask(answer, hint, **more):
        seen.append((float(answer), hint))
        return "asked"

    paths = sorted((ROOT / "web/lessons" / language).glob("*.md"))
    lessons = [lesson(path, lambda settings: f"live {settings['f']}", ask) for path in paths]
    assert len(lessons) == 8
    assert all(len(one.parts) >= 6 for one in lessons)  # enough for a period
    assert all("live " in "".join(one.parts) for one in lessons)
    assert len(seen) == sum(len(one.parts) - 1 for one in lessons)
    assert all(hint for _answer, hint in seen)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("question\n¿Cuánto?\nhint = Suma.", "¿Cuánto.*answer"),
        ("question\n¿Cuánto?\nanswer = dos\nhint = Suma.", "¿Cuánto.*answer"),
        ("question\n¿Cuánto?\nanswer = 2", "¿Cuánto.*hint"),
        ("live\nf = a+\nat = a:1", "no es una expresión"),
        ("live\nat = a:1", "picture"),
        ("live\nf = a\nat = a:1\ncolour = red", "colour"),
    ],
)
def test_what_is_wrong_in_a_lesson_is_said_with_its_file(tools, tmp_path, block, says):
    picture = tools("site_pages").picture
    path = tmp_path / "9-mine.md"
    path.write_text(f"# Mía\n\nUna frase.\n\n```{block}\n```\n", "utf-8", newline="\r\n")
    with pytest.raises(SystemExit, match=f"(?s)9-mine.md: .*{says}"):
        tools("site_lessons").Lesson(path, lambda said: picture(**said), lambda **_: "")


#: Whose questions are answered by reading the gradient in the picture.
READ_OFF = ("6-descent", "8-training")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "web/lessons/en").glob("*.md")), ids=lambda p: p.stem
)
def test_the_picture_above_a_question_hides_what_it_asks_for(path):
    for picture in re.findall(r"```live\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
        assert ("hide = gradients" in picture) != (path.stem in READ_OFF)


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_guide_has_each_lesson_and_how_all_that_there_is_to_try_comes_out(language):
    parts = (ROOT / f"web/guide/{language}.md").read_text("utf-8").split("\n## ")[1:]
    for path, part in zip(
        sorted((ROOT / "web/lessons" / language).glob("*.md")), parts, strict=True
    ):
        lesson = path.read_text("utf-8")
        title = lesson.split("\n")[0].removeprefix("# ")
        assert part.split("\n")[0] == f"{path.name[0]}. {title}"
        tried = lesson.rpartition("\n## ")[2].split("\n* ")[1:]
        assert part.count("\n* ") == len(tried)


def test_both_languages_ask_the_same():
    def asked(path):
        return re.findall(r"^(?:f|at|wrt|hide|answer) = .*$", path.read_text("utf-8"), re.MULTILINE)

    for path in (ROOT / "web/lessons/es").glob("*.md"):
        assert asked(path) == asked(ROOT / "web/lessons/en" / path.name)


def test_the_expression_of_the_notes_is_the_cost_of_their_network(tools):
    pages = tools("site_pages")
    told = json.loads(pages.answers.answer("try", urlencode(pages.of_the_notes())).text)
    p = load("_patron").network()
    assert float(told["value"]) == pytest.approx(p.cost.data, rel=1e-15)
    slope = float(told["gradients"]["w₍₁₎⁽¹·¹⁾"])
    assert slope == pytest.approx(load("_patron").differences(p)[0], rel=1e-8)


def test_a_wheel_of_numpy_with_another_hash_is_refused(tools, tmp_path):
    site = tools("site")
    lock = {"packages": {"numpy": {"file_name": "numpy.whl", "sha256": sha256(b"its").hexdigest()}}}
    (tmp_path / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")
    wheel = tmp_path / "mine.whl"
    wheel.write_bytes(b"mine")
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "pyodide-lock.json").write_text(json.dumps(lock), "utf-8")
    with pytest.raises(SystemExit, match="is expected"):
        site.numpy_of(folder, wheel, None)
    assert site.numpy_of(folder, wheel, sha256(b"mine").hexdigest()) == "pyodide/"
    listed = json.loads((folder / "pyodide-lock.json").read_text("utf-8"))["packages"]["numpy"]
    assert listed == {"file_name": "mine.whl", "sha256": sha256(b"mine").hexdigest()}
    assert (folder / "mine.whl").read_bytes() == b"mine"


def test_headings_can_be_linked_to_and_the_search_finds_sections(tools, tmp_path):
    search = tools("site_search")
    page = (
        "<title>Una página · micrograd_es</title><p>no</p>"
        "<main><nav>no</nav><h1>Página</h1><p>Antes, "
        "<em>aquí</em>.</p><script>no</script><h2>Qué es <code>w₍₁₎</code></h2><p>uno</p>"
        "<h2>¿Qué es w(1)?</h2><p>dos</p><p>tres &lt;</p><svg><text>no</text></svg></main><p>no</p>"
    )
    page = search.anchored(page)
    assert search.anchored(page) == page
    (tmp_path / "index.html").write_text(page, "utf-8")
    (tmp_path / "show.html").write_text("<p>no</p>", "utf-8")
    (tmp_path / "reference").mkdir()
    member = '<section id="f"><p>def f()</p><div id="f.a" class="classattr">it</div></section>'
    (tmp_path / "reference/a.html").write_text(f"<title>a</title><main>{member}</main>", "utf-8")
    found = search.sections(tmp_path, "es")
    assert [section.pop("id") for section in found] == [0, 1, 2, 3, 4]
    assert [tuple(section[key] for key in ("address", "heading", "text")) for section in found] == [
        ("index.html", "", "Página Antes, aquí."),
        ("index.html#que-es-w-1", "Qué es w₍₁₎", "uno"),
        ("index.html#que-es-w-1-1", "¿Qué es w(1)?", "dos tres <"),
        ("reference/a.html#f", "f", "def f()"),
        ("reference/a.html#f.a", "f.a", "it"),
    ]
    assert {section["title"] for section in found} == {"Una página", "a"}
    assert len(search.sections(tmp_path, "en")) == 2


def test_what_is_fetched_has_its_version_and_hash_written_down():
    pinned = json.loads((ROOT / "web/packages.json").read_text("utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", pin["version"]) for pin in pinned.values())
    assert all(pin["integrity"].startswith("sha512-") for pin in pinned.values())
    for name in ("web/requirements.txt", "tests/browser/in_pyodide.txt"):
        for line in (ROOT / name).read_text("utf-8").splitlines():
            if not line.startswith("#"):
                assert re.match(r"[\w-]+==[\d.]+ .*--hash=sha256:[0-9a-f]{64}$", line)


def test_the_workflow_that_publishes_it_names_what_is_there():
    text = (ROOT / ".github/workflows/site.yml").read_text("utf-8")
    named = re.findall(r"(?:tests|tools)/[\w/*.]+", text)
    assert len(named) >= 3
    for name in named:
        assert list(ROOT.glob(name)), name
