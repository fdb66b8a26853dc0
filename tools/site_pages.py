"""The pages of the site, in both languages, with what is prepared in them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
from markdown_it import MarkdownIt
from site_lessons import Lesson

from micrograd_es.base.languages import LANGUAGES, get_language, speaking
from micrograd_es.base.languages import gettext as _
from micrograd_es.base.palette import DARK, LIGHT, repainted, stylesheet
from micrograd_es.base.templating import source, template
from micrograd_es.gallery import load
from micrograd_es.play.answers import answer as answer_of_play

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
sys.path.insert(0, str(WEB / "python"))

import answers  # noqa: E402

NAMES = {"es": "Español", "en": "English"}
FIRST = {"f": "2*(a*b+c)**2", "at": "a:1,b:2,c:3"}


def pages(has: dict[str, Any], version: str) -> Iterator[tuple[str, str]]:
    """Each file's name and text."""
    # of a picture whose gradients are asked for these are hidden, and their captions in italics not
    gradients = f'.hides .graph text[fill="{LIGHT["gradient"]}"]:not([font-style])'
    hidden = f"{gradients} {{ visibility: hidden; }}\n"
    yield "app/palette.css", stylesheet() + repainted(".graph") + hidden
    yield "app/reading.js", source("base", "reading.js")
    yield "app/icon.svg", template("play", "icon.svg").render(colour=DARK)
    for language in LANGUAGES:
        with speaking(language):
            site = Pages(has, version)
            yield from site.tried()
            yield from site.training()
            yield from site.lessons()
            yield site.notes()
            yield from site.prose()
            yield site.page("python.html", "python_box.html", title="Python", programs=programs())
            yield site.page("teachers.html", "teachers.html", title=_("Teachers"))


class Pages:
    """The pages in the language spoken."""

    def __init__(self, has: dict[str, Any], version: str) -> None:
        self._has, self._version = has, version
        self._folder = "" if get_language() == "es" else f"{get_language()}/"

    def page(self, address: str, source: str, **more: Any) -> tuple[str, str]:
        """A page's file and its text; its address is one and the same in each language."""
        known = self._known(address) | {"kind": source.removesuffix(".html")} | more
        return self._folder + address, environment().get_template(source).render(known)

    def _known(self, address: str) -> dict[str, Any]:
        """What every template is given."""
        root = "../" * (self._folder + address).count("/")
        return {
            "_": _,
            "language": get_language(),
            "languages": [
                (code, name, f"{root}{'' if code == 'es' else code + '/'}{address}")
                for code, name in NAMES.items()
            ],
            "root": root,
            "own": root + self._folder,
            "here": address,
            "menu": menu(),
            "policy": policy(self._has["wheel"]),
            "version": self._version,
            "has": self._has,
            "texts": texts(),
        }

    def tried(self) -> Iterator[tuple[str, str]]:
        """The page on which one types."""
        yield self.page(
            "index.html",
            "try.html",
            title=_("Try it"),
            picture=picture(**FIRST),
            examples=[(name, urlencode({"f": f, "at": at})) for name, f, at in examples()],
        )

    def training(self) -> Iterator[tuple[str, str]]:
        """The package's own page, with the menu and Python put in, and its files beside it."""
        folder = "play/"
        known = self._known(folder + "index.html")
        ((other, there),) = (
            (code, a) for code, _name, a in known["languages"] if code != get_language()
        )
        put = {name: environment().get_template(name).render(known | {"languages": None})
               for name in ("menu.html", "python.html")}  # fmt: skip
        page = of_play("/", f"lang={get_language()}")
        waiting = re.findall(r'"static/([\w.]+)"', page)
        head = (
            f'<meta http-equiv="Content-Security-Policy" content="{known["policy"]}">\n'
            f'<link rel="stylesheet" href="{known["root"]}app/menu.css">\n'
            f'<script type="module" src="{known["root"]}app/train.js"></script>'
        )
        spoken = "&#34;lang&#34;:&#34;{}&#34;"  # where an address says nothing
        own = {  # what needs a server, and what is here instead
            '<script type="module" src="static/play.js"></script>': head,
            spoken.format("es"): spoken.format(get_language()),
            'href="steps?"': 'href="../show.html?path=steps&amp;"',
            'href="graph.svg?"': 'href="../show.html?path=graph.svg&amp;"',
            "</body>": put["python.html"] + "</body>",
            'id="site"': f'id="site" data-other="{other}" data-there="{there}"',
        }
        page = re.sub(r"(<body[^>]*>)", lambda m: m[1] + put["menu.html"], page, count=1)
        for old, new in own.items():
            assert page.count(old) == 1, old
            page = page.replace(old, new)
        yield self._folder + folder + "index.html", page
        for name in ("palette.css", "icon.svg"):
            yield self._folder + folder + name, of_play(f"/{name}", "")
        found: set[str] = set()
        while waiting:
            found.add(name := waiting.pop())
            text = of_play(f"/static/{name}", "")
            yield f"{self._folder}{folder}static/{name}", text
            waiting += set(re.findall(r'from "\./([\w.]+)"', text)) - found
        yield self.page("show.html", "show.html", title=_("Train"))

    def lessons(self) -> Iterator[tuple[str, str]]:
        """Each lesson, and the page that lists them."""

        def live(settings: dict[str, str]) -> str:
            settings = {name: text.replace(" ", "") for name, text in settings.items()}
            return self._live("lessons/x", picture(**settings))

        def ask(answer: str, **more: str) -> str:
            asked = environment().get_template("question.html")
            return asked.render(_=_, answer=answer, **more)

        paths = sorted((WEB / "lessons" / get_language()).glob("*.md"))
        found = [Lesson(path, live, ask) for path in paths]
        listed = [(lesson.name, lesson.title, lesson.first) for lesson in found]
        yield self.page("lessons/index.html", "lessons.html", title=_("Lessons"), lessons=listed)
        for i, lesson in enumerate(found):
            yield self.page(
                f"lessons/{lesson.name}",
                "lesson.html",
                title=lesson.title,
                parts=lesson.parts,
                before=listed[i - 1][:2] if i else None,
                after=listed[i + 1][:2] if i + 1 < len(listed) else None,
            )
        text = (WEB / f"guide/{get_language()}.md").read_text("utf-8")
        body = MarkdownIt("commonmark").render(text)
        yield self.page("guide.html", "prose.html", title=_("A guide to the lessons"), body=body)

    def _live(self, address: str, told: dict[str, str]) -> str:
        made: Any = environment().get_template("live.html").make_module(self._known(address))
        return str(made.live(told))

    def notes(self) -> tuple[str, str]:
        """The notes, completed, with the menu, and with fields for their numbers."""
        notes = load("notas")
        page = notes.page(notes.network())
        known = self._known("notes.html")
        put = {name: environment().get_template(name).render(known)
               for name in ("menu.html", "python.html")}  # fmt: skip
        head = (
            f'<meta http-equiv="Content-Security-Policy" content="{known["policy"]}">\n'
            + "".join(f'<link rel="stylesheet" href="{known["root"]}app/{name}.css">\n'
                      for name in ("palette", "menu", "site"))
            + f'<link rel="icon" href="{known["root"]}app/icon.svg" type="image/svg+xml">\n'
            + f'<script type="module" src="{known["root"]}app/notes.js"></script>\n'
        )  # fmt: skip
        page = re.sub(r"<meta http-equiv=[^>]*>\n", head.replace("\\", ""), page, count=1)
        page = page.replace("<body>", f"<body>{put['menu.html']}", 1)
        live = self._live("notes.html", picture(**of_the_notes()))
        said = _("Every number below comes from these, and changes with them.")
        start, end = page.partition("</h1>")[0], page.partition("</main>")[2]
        body = (
            f"</h1>\n<h2>{_('With other numbers')}</h2>\n<p>{said}</p>\n"
            f'<div class="fields">{live}</div>'
            f'<div id="document">{answers.document(page)}</div>\n</main>\n{put["python.html"]}'
        )
        return self._folder + "notes.html", start + body + end

    def prose(self) -> Iterator[tuple[str, str]]:
        """The documents that the repository has as Markdown."""
        for address, title, names in (
            (
                "how-it-works.html",
                _("How it works"),
                ("docs/como-funciona.md", "docs/how-it-works.md"),
            ),
            ("proofs.html", _("Proofs"), ("PRUEBAS.md", "PROOFS.md")),
        ):
            text = (ROOT / names[get_language() == "en"]).read_text("utf-8")
            text = re.sub(r"^\[(English|Español)\].*\n", "", text)  # the menu has this link
            body = MarkdownIt("commonmark").enable("table").render(text)
            # files of the repository are not in the site: their names stay
            body = re.sub(r'<a href="(?!https?:|#)[^"]*">(.*?)</a>', r"\1", body)
            body = body.replace("<th></th>", "<td></td>")  # a corner that heads nothing
            body = body.replace("<table>", '<div class="scroll" tabindex="0"><table>')
            body = body.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
            yield self.page(address, "prose.html", title=title, body=body)


def of_the_notes() -> dict[str, str]:
    """The cost of the notes' network as an expression in their names, and its numbers."""
    notes = load("_patron")
    up, down = str.maketrans("12", "¹²"), str.maketrans("12", "₁₂")
    numbers: dict[str, float] = {}

    def named(letter: str, layer: int, *places: int, value: float) -> str:
        of = f"₍{str(layer).translate(down)}₎" if layer else ""
        name = f"{letter}{of}⁽{'·'.join(map(str, places)).translate(up)}⁾"
        numbers[name] = float(value)
        return name

    def neuron(layer: int, n: int) -> str:
        if layer == 0:
            return named("x", 0, n, value=notes.X[n - 1])
        terms = [
            named("w", layer, n, m, value=notes.W[n - 1][layer - 1][m - 1])
            + f"*{neuron(layer - 1, m)}"
            for m in (1, 2)
        ]
        bias = named("b", layer, n, value=notes.B[n - 1][layer - 1])
        return f"sigmoid({' + '.join([*terms, bias])})"

    errors = [f"({neuron(2, n)} - {named('ŷ', 0, n, value=notes.Y[n - 1])})**2" for n in (1, 2)]
    at = ",".join(f"{name}:{x:g}" for name, x in numbers.items())
    return {"f": " + ".join(errors), "at": at, "wrt": "w₍₁₎⁽¹·¹⁾"}


def of_play(path: str, query: str) -> str:
    """What the training page's own functions answer."""
    said = answer_of_play(path, query)
    assert said.status == 200, f"{path}: {said.body.decode()}"
    return said.body.decode()


def menu() -> list[tuple[str, str]]:
    """The pages at the top of every page."""
    return [
        ("index.html", _("Try it")),
        ("play/index.html", _("Train")),
        ("lessons/index.html", _("Lessons")),
        ("notes.html", _("The notes")),
        ("python.html", "Python"),
        ("teachers.html", _("Teachers")),
        ("reference/micrograd_es.html", _("Reference")),
    ]


def texts() -> dict[str, str]:
    """What the scripts say."""
    return {
        "starting": _("Python starts: {loaded} of {whole} MB"),
        "starts": _("Python starts…"),
        "cannot": _(
            "Python does not start: a part of it could not be loaded, or this device has too "
            "little memory."
        ),
        "died": _(
            "That was too much for the Python in this page: it starts anew. "
            "Try something smaller."
        ),
        "fault": _("Something is wrong in this page itself. The browser's console says more."),
        "slider": _("Slider of {name}"),
        "copied": _("Copied"),
        "running": _("Running…"),
        "right": _("Right."),
        "wrong": _("Not yet."),
        "unread": _("That is no number. Write it like 0.25, 0,25 or 1/4."),
        "shown": _("This is the answer."),
    }  # fmt: skip


def examples() -> list[tuple[str, str, str]]:
    """Expressions to begin with: what they show, the text, the numbers."""
    return [
        (_("a product and a sum"), "2*(a*b+c)**2", "a:1,b:2,c:3"),
        (_("a sum at a fan-out"), "x*x + 3*x", "x:2"),
        (_("a neuron"), "sigmoid(w*x+b)", "w:0.8,x:1.5,b:-0.4"),
        (
            _("its cost"),
            "(tanh(w⁽¹⁾*x⁽¹⁾+w⁽²⁾*x⁽²⁾+b)-y)**2",
            "w⁽¹⁾:0.5,x⁽¹⁾:1,w⁽²⁾:-0.3,x⁽²⁾:2,b:0.1,y:1",
        ),
        (_("a neuron that is off"), "relu(w*x+b)", "w:-1,x:2,b:0.5"),
        (_("a chain"), "exp(sin(x**2))", "x:0.7"),
    ]


def programs() -> list[tuple[str, str]]:
    """Programs to begin with."""
    return [
        (_("a graph"), """from micrograd_es import Value, draw_graph

a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
f = 2 * (a * b + c) ** 2
f.backward()
print(f.data, a.grad)
draw_graph(f)"""),
        (_("an explanation"), """from micrograd_es import Value, explain

w, x, b = Value(0.8, "w"), Value(1.5, "x"), Value(-0.4, "b")
y = (w * x + b).sigmoid()
y.label = "y"
y.backward()
explain(y, w)"""),
        (_("forward and backward"), """from micrograd_es import Value, grad, jvp

a, b = Value(1.0, "a"), Value(2.0, "b")
f = a * b + a
print(jvp(f, [a, b], [1, 0]), jvp(f, [a, b], [0, 1]))
print(grad(f, [a, b]))"""),
        (_("the steps of a neuron"), """from micrograd_es import MLP, BackwardPass

y = MLP(2, [2, 1], "tanh", seed=1)([0.5, -1.0])
BackwardPass(y)"""),
        (_("training by hand"), """from micrograd_es import MLP, SGD, vsum

model = MLP(2, [4, 1], "tanh", seed=1)
samples = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
optimizer = SGD(model.parameters(), lr=0.05)
for update in range(300):
    cost = vsum([(model(x) - t) ** 2 for x, t in samples])
    optimizer.zero_grad()
    cost.backward()
    optimizer.step()
    if update % 50 == 0:
        print(update, cost.data)
[round(model(x).data, 2) for x, _ in samples]"""),
    ]  # fmt: skip


@cache
def environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def picture(f: str, at: str, wrt: str = "", hide: str = "") -> dict[str, str]:
    """What Python answers for an expression, as the page shows it before Python is there."""
    query = urlencode({"f": f, "at": at, "wrt": wrt, "lang": get_language()})
    status, _kind, text = answers.answer("try", query)
    if status != 200:
        raise ValueError(f"{f} at {at}: {text}")
    told: dict[str, str] = json.loads(text)
    return told | {"f": f, "at": at, "wrt": wrt, "hide": hide}


@cache
def policy(wheels: str) -> str:
    """What a page and its worker may do: their own scripts, and that of the stepping page."""
    steps = unescape(answers.answer("steps", urlencode({"f": "a*b"})).text)
    script = re.search(r"script-src ([^;]*)", steps)
    assert script is not None
    elsewhere = "/".join(wheels.split("/")[:3]) if "://" in wheels else ""
    return "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' {script[1]}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            f"connect-src 'self' {elsewhere}".strip(),
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
