"""The stepping page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import atan
from pathlib import Path
from typing import Any

import pytest

from conftest import expect
from micrograd_es import (
    MLP,
    BackwardPass,
    ForwardPass,
    Value,
    custom,
    maximum,
    mse,
    sum_squares,
    where,
)
from micrograd_es.base.palette import DARK, LIGHT
from micrograd_es.engine.graph import topological_order
from micrograd_es.formulas.notation import number

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>alert(1)</script>"


def squared() -> Value:
    """f = a² + b·a² where a² is one node: it has two users, and a one sum more."""
    a, b = Value(-2.0, "a"), Value(3.0, "b")
    s = a * a
    s.label = "s"
    f = s + b * s
    f.label = "f"
    return f


def tanhs(n: int) -> Value:
    """A graph of 5n events."""
    x = Value(0.5, "x")
    for _ in range(n):
        x = (x * x + x).tanh()
    return x


def notes() -> Value:
    model = MLP(2, [2, 2], activation="sigmoid", output="sigmoid", seed=1)
    return sum_squares(model([1.0, 0.5]), [0.0, 1.0])


def odd_numbers() -> Value:
    x = Value(0.0, "x")
    return 1 / x * 0 + x.log().exp()


def branches() -> Value:
    x, y = Value(-1.5, "x"), Value(2.0, "y")
    return maximum(x, y) * where(x < y, x.relu(), y * x) + abs(x)


def own_operations() -> Value:
    x, y = Value(0.7, "x"), Value(0.2, "y")
    g = custom(atan, lambda z: 1 / (1 + z * z), x * y)
    return custom(lambda u, v: u * v * v, lambda u, v: (v * v, 2 * u * v), g, y)


GRAPHS = {
    "one node": lambda: Value(3.0, "x"),
    "notes": notes,
    "mlp": lambda: mse(MLP(2, [4, 1], seed=1)([1.0, 0.5]), 1.0),
    "inf and nan": odd_numbers,
    "branches": branches,
    "own operations": own_operations,
    "large": lambda: tanhs(40),
    "long names": lambda: Value(2.0, "W" * 60) * Value(-1e-300, "word " * 30),
}


@pytest.fixture
def step(visit: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """The page of a graph, opened from disk."""

    def open_page(root: Value, place: str = "", **options: Any) -> Any:
        path = tmp_path / "pasos.html"
        BackwardPass(root).save_html(path)
        return visit(path.as_uri() + place, **options)

    return open_page


def said(page: Any) -> str:
    return str(page.inner_text("#say"))


def place(page: Any) -> int:
    return int(page.input_value("#time"))


def last(page: Any) -> int:
    return int(page.get_attribute("#time", "max"))


def gradients(page: Any) -> dict[str, str]:
    """Name and gradient of each row of the table."""
    names = page.locator("tbody th").all_inner_texts()
    return dict(zip(names, page.locator("tbody td.grad").all_inner_texts()))


def jump(page: Any, kind: str) -> int:
    """To the first frame of a kind, by its mark in the timeline; its place."""
    k = page.evaluate(
        "(k) => [...document.querySelectorAll('#marks span')]"
        ".findIndex((m) => m.classList.contains(k))",
        kind,
    )
    page.locator("#marks span").nth(k).click()
    assert place(page) == k
    return int(k)


def test_opens_at_the_start_in_spanish_with_no_gradient_yet(step):
    page = step(squared())
    assert page.get_attribute("html", "lang") == "es"
    assert page.inner_text("h1") == "La retropropagación, paso a paso"
    assert place(page) == 0
    assert set(gradients(page).values()) == {"—"}
    assert "—" in page.locator("#n0").text_content()


def test_values_appear_one_by_one_and_then_gradients(step):
    page = step(squared())
    values = page.locator("tbody td.value")
    assert values.all_inner_texts().count("—") == 3
    page.click("#next")
    assert values.all_inner_texts().count("—") == 2
    assert "Se calcula s = 4." in said(page)
    page.click("#last")
    assert values.all_inner_texts().count("—") == 0
    assert gradients(page) == {"f": "1", "b·s": "1", "s": "4", "b": "4", "a": "−16"}
    proofs = page.locator("tbody td.proof").all_inner_texts()
    assert all(text.endswith("✓") for text in proofs)


def test_keys_step_jump_and_play(step):
    page = step(squared())
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert place(page) == 2
    page.keyboard.press("ArrowLeft")
    assert place(page) == 1
    page.keyboard.press("End")
    assert place(page) == last(page)
    page.keyboard.press("Home")
    assert place(page) == 0
    page.clock.install()
    page.focus("#canvas")
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pausa")
    assert page.get_attribute("#say", "aria-live") == "off"  # too quick to be read out
    page.clock.run_for(2500)
    assert place(page) >= 3
    page.keyboard.press("Space")
    assert page.get_attribute("#play", "aria-label") == "Reproducir"
    assert page.get_attribute("#say", "aria-live") == "polite"
    stopped = place(page)
    page.clock.run_for(10_000)
    assert place(page) == stopped


def test_plays_to_the_end_and_stops(step):
    page = step(squared())
    page.select_option("#speed", "8")
    page.click("#play")
    expect(page.locator("#time")).to_have_value(str(last(page)))
    expect(page.locator("#play")).to_have_attribute("aria-label", "Reproducir")


def test_timeline_can_be_clicked_and_dragged(step):
    page = step(squared())
    box = page.locator("#marks").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 5)
    assert place(page) == last(page)
    page.evaluate(
        "t => { t.value = 3; t.dispatchEvent(new Event('input', {bubbles: true})); }",
        page.query_selector("#time"),
    )
    assert page.inner_text("#count") == f"3 de {last(page)}"


def test_place_stands_in_the_address(step):
    page = step(squared(), "#4")
    assert place(page) == 4
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("#5$"))


def test_the_current_node_and_edge_light_up_by_more_than_colour(step):
    page = step(squared())
    jump(page, "product")
    assert page.locator("#canvas .lit").count() >= 2
    edge, other = (
        page.locator("#canvas .edge.lit path").first,
        page.locator("#canvas .edge:not(.lit) path").first,
    )
    style = "e => [getComputedStyle(e).strokeWidth, getComputedStyle(e).strokeDasharray]"
    assert edge.evaluate(style) != other.evaluate(style)
    assert page.locator("#canvas .box.to").count() == 1


ARROW = """(id) => {  // where an edge comes from, and the tip of the arrow that is seen
    const edge = document.querySelector(`#canvas [id="${id}"]`);
    const seen = [...edge.querySelectorAll("polygon")]
        .filter((e) => getComputedStyle(e).display !== "none");
    const box = (id) => document.querySelector(`#canvas [id="${id}"]`).getBoundingClientRect();
    const head = seen[0].getBoundingClientRect();
    return [seen.length, (head.left + head.right) / 2];
}"""


def test_backward_the_arrows_point_from_the_result_to_the_operand(step):
    b, s = Value(3.0, "b"), Value(4.0, "s")
    page = step((b * s).tanh())
    page.evaluate("document.getElementById('canvas').style.scrollBehavior = 'auto'")
    order = page.evaluate("JSON.parse(document.getElementById('data').textContent).nodes")
    product = next(i for i, node in enumerate(order) if node["name"] == "b·s")
    jump(page, "forward")
    count, ahead = page.evaluate(ARROW, f"r{product}")
    page.click("#last")
    assert page.locator(f"#canvas #r{product}.lit").count() == 1
    turned, back = page.evaluate(ARROW, f"r{product}")
    assert (count, turned) == (1, 1)
    circle = page.locator(f"#canvas #o{product}").bounding_box()
    box = page.locator(f"#canvas #n{product}").bounding_box()
    assert ahead - circle["x"] > box["x"] - ahead  # at the box of the result
    assert back - circle["x"] - circle["width"] < box["x"] - back  # at the operation
    page.click("#first")
    jump(page, "forward")
    assert page.evaluate(ARROW, f"r{product}") == [1, ahead]


def test_the_local_partial_stands_on_the_edge(step):
    page = step(squared())
    page.click("#last")
    page.click("#back")
    assert page.locator("#canvas .partial").text_content() == "·(−2)"
    text = page.locator("#canvas .partial").bounding_box()
    edge = page.locator("#canvas .edge.lit path:visible").first.bounding_box()
    assert abs(text["x"] + text["width"] / 2 - edge["x"] - edge["width"] / 2) < 40
    jump(page, "forward")
    assert page.locator("#canvas .partial").text_content() == ""


def readme() -> Value:
    a, b, c = Value(1.0, "a"), Value(2.0, "b"), Value(3.0, "c")
    return 2 * (a * b + c) ** 2


SEEK = """(kind) => {  // to the first frame of a kind; on a phone its mark is a hair
    const time = document.getElementById("time");
    time.value = [...document.querySelectorAll("#marks span")]
        .findIndex((e) => e.classList.contains(kind));
    time.dispatchEvent(new Event("input"));
}"""
SIZES = [(360, 640), (768, 1024), (1366, 768), (1920, 1080), (3840, 2160)]
OVERLAP = """() => {
    const seen = ["header", "#canvas", ".step", ".nodes", "footer"]
        .map((name) => document.querySelector(name)).filter((e) => e.getClientRects().length)
        .map((e) => [e.className || e.id || e.tagName, e.getBoundingClientRect()]);
    return seen.flatMap(([name, a], i) => seen.slice(i + 1)
        .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => `${name} ${other}`));
}"""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("root", [readme, notes])
@pytest.mark.parametrize("mode", ["", "#class-mode"])
def test_everything_fits_the_screen_and_nothing_lies_over_another(step, root, size, mode):
    width, height = size
    page = step(root(), viewport={"width": width, "height": height})
    if mode and width < 700:
        page.click("#more")
    if mode:
        page.click(mode)
    for kind in ("start", "forward", "product"):
        page.evaluate(SEEK, kind)
        assert page.evaluate(OVERLAP) == []
        root_box = page.evaluate("(e => [e.scrollWidth, e.scrollHeight])(document.documentElement)")
        assert root_box == [width, height]


# A laptop's browser has bars of its own, and the site's "Try it" one more.
@pytest.mark.parametrize("size", [*SIZES[2:], (1366, 719), (1366, 690), (1280, 720)])
def test_the_nine_nodes_of_the_readme_are_seen_whole(step, size):
    width, height = size
    page = step(readme(), viewport={"width": width, "height": height})
    page.evaluate(SEEK, "product")
    canvas = page.locator("#canvas")
    assert page.locator(".step").evaluate("e => e.clientHeight") >= 230
    assert canvas.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert canvas.evaluate("e => e.scrollHeight - e.clientHeight") <= 0


def test_type_and_plane_grow_with_the_screen_and_more_so_for_the_class(step):
    seen = []
    for width, height in SIZES[2:]:
        page = step(readme(), viewport={"width": width, "height": height})
        size = "e => parseFloat(getComputedStyle(e).fontSize)"
        drawn = "e => e.getBoundingClientRect().width"
        seen.append([page.locator("#say").evaluate(size), page.locator("#n1").evaluate(drawn)])
        page.click("#class-mode")
        assert page.locator("#say").evaluate(size) > 1.2 * seen[-1][0]
        for hidden in ("#es", "#dark", "#speed", "#zoom-in", ".keys"):
            assert page.is_hidden(hidden)
        page.click("#class-mode")
        assert page.is_visible("#dark")
    assert seen[1][0] > 1.3 * seen[0][0]
    assert seen[2][0] > 1.9 * seen[1][0]
    assert seen[2][1] > 1.9 * seen[1][1] > 2.4 * seen[0][1]


@pytest.mark.parametrize("size", [(360, 640), (390, 844), (844, 390)])
def test_on_a_phone_graph_and_formula_are_seen_together(step, size):
    width, height = size
    page = step(readme(), viewport={"width": width, "height": height})
    jump(page, "product")
    for part in ("#canvas .to", "#formula math"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height
    assert page.locator("footer").bounding_box()["height"] < 70  # one row
    assert page.is_hidden("table")
    page.click("#table")
    assert page.is_visible("table")
    assert page.is_visible("#canvas")
    assert page.get_attribute("#table", "aria-expanded") == "true"
    page.click("#table")
    assert page.is_hidden("table")
    page.click("#more")
    for setting in ("#es", "#dark", "#speed", "#predict", "#class-mode"):
        assert page.is_visible(setting)


def test_the_menu_of_a_phone_closes_once_something_was_chosen(step):
    page = step(squared(), viewport={"width": 360, "height": 640})
    for choice in ("#predict", "#predict", "#wrong", "#dark", "#en", "#say", "#canvas", "#next"):
        page.click("#more")
        assert page.is_visible("#predict")
        assert page.evaluate(OVERLAP) == []
        page.click(choice)
        assert page.is_hidden("#predict")
        assert page.get_attribute("#more", "aria-expanded") == "false"
    page.click("#more")
    page.click("#speed")
    assert page.is_visible("#speed")  # a list, of which nothing was chosen yet
    page.select_option("#speed", "4")
    assert page.is_hidden("#speed")
    page.click("#more")
    page.focus("#dark")
    page.keyboard.press("Escape")
    assert page.is_hidden("#dark")
    assert page.evaluate("document.activeElement.id") == "more"
    page.keyboard.press("Escape")
    assert page.is_hidden("#dark")


@pytest.mark.parametrize("size", [(360, 640), (844, 390), (768, 1024), (820, 1180), (1024, 768)])
@pytest.mark.parametrize("root", [readme, squared, notes])
def test_words_can_be_read_on_phones_and_tablets_and_the_step_is_seen(step, root, size):
    page = step(root(), viewport={"width": size[0], "height": size[1]})
    page.evaluate("document.getElementById('canvas').style.scrollBehavior = 'auto'")
    seen = """() => {
        const texts = [...document.querySelectorAll("#canvas .box text")];
        const sizes = texts.map((e) =>
            parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM()?.d).filter(Boolean);
        const view = document.getElementById("canvas").getBoundingClientRect();
        const to = document.querySelector("#canvas .to")?.getBoundingClientRect();
        return [Math.min(...sizes), !to || (view.left <= to.left && to.right <= view.right
            && view.top <= to.top && to.bottom <= view.bottom)];
    }"""
    for _ in range(last(page)):
        smallest, is_inside = page.evaluate(seen)
        assert smallest >= 10.99
        assert is_inside
        page.keyboard.press("ArrowRight")


def neuron() -> Value:
    w, x, b, target = Value(0.8, "w"), Value(1.5, "x"), Value(-0.4, "b"), Value(0.0, "ŷ")
    z = w * x + b
    y = z.sigmoid()
    cost = (y - target) ** 2
    z.label, y.label, cost.label = "z", "y", "C"
    return cost


@pytest.mark.parametrize(
    ("size", "least"), [((1366, 650), 8), ((1366, 768), 11), ((1920, 1080), 13), ((3840, 2160), 26)]
)
def test_the_nine_nodes_of_a_neuron_are_seen_whole_on_a_laptop(step, size, least):
    page = step(neuron(), viewport={"width": size[0], "height": size[1]})
    assert page.locator("#canvas .box").count() == 9
    smallest, hidden = page.evaluate(
        """() => {
            const canvas = document.getElementById("canvas");
            const scale = canvas.querySelector("svg").getScreenCTM().a;
            return [11 * scale, [canvas.scrollWidth - canvas.clientWidth,
                                 canvas.scrollHeight - canvas.clientHeight]];
        }"""
    )
    assert hidden == [0, 0]
    assert smallest >= least
    for _ in range(last(page)):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(OVERLAP) == []


def test_a_large_graph_is_folded_by_neuron_and_opens_by_a_click(step):
    page = step(notes())
    assert page.locator("#canvas .box").count() == 7  # inputs, four neurons, cost, C
    assert page.locator("#canvas").text_content().count("neurona") == 4
    page.locator("#canvas .box", has_text="capa 1, neurona 2").click()
    assert page.locator("#canvas .cluster", has_text="capa 1, neurona 2").count() == 1
    assert page.locator("#canvas .box").count() > 10
    # a step opens the neuron in which it is
    page.click("#last")
    names = page.locator("#canvas .to").text_content()
    assert "x(" in names or "entradas" in names
    assert page.locator("#canvas .lit").count() >= 2
    folded = page.locator("#canvas .box", has_text="capa 2, neurona 1").locator("text")
    assert folded.last.text_content() not in ("", "—")
    page.click("#en")
    assert "layer 2, neuron 1" in page.locator("#canvas").text_content()
    assert "layer 1, neuron 2" in page.locator("#canvas .cluster").first.text_content()
    page.click("#fold")
    assert page.locator("#canvas .cluster").count() == 6
    rows = page.locator("tbody tr").count()
    assert page.locator("#canvas .box").count() == rows
    page.click("#fold")
    assert page.locator("#canvas .cluster").count() == 0
    assert page.locator("#canvas .box").count() == 7


def test_what_was_opened_by_a_click_stays_open_until_its_name_is_clicked(step):
    page = step(notes())
    frame = page.locator("#canvas .cluster")
    for name in ("capa 1, neurona 1", "capa 2, neurona 1"):
        page.locator("#canvas .box", has_text=name).click()
    assert frame.count() == 2
    page.click("#last")  # in another neuron, which is open as long as the step is in it
    assert frame.count() == 3
    page.click("#back")
    page.click("#first")
    frame.locator("text.name", has_text="capa 1, neurona 1").click()
    assert frame.filter(has_text="capa 1, neurona 1").count() == 0
    assert frame.filter(has_text="capa 2, neurona 1").count() == 1
    assert page.locator("#canvas .box", has_text="capa 1, neurona 1").count() == 1


APART = """() => {  // what lies over another, of what is closed and of the frames of what is open
    const closed = [...document.querySelectorAll("#canvas .box > path:first-of-type")]
        .filter((e) => !e.closest(".cluster"));
    const seen = [...document.querySelectorAll("#canvas .cluster > rect"), ...closed]
        .map((e) => e.getBoundingClientRect());
    return seen.flatMap((a, i) => seen.slice(i + 1).filter((b) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
}"""
HANGING = """() => {  // edges between folds that do not end at what they go to
    const at = (id) => document.querySelector(`#canvas [id="${id}"]`);
    return [...document.querySelectorAll("#canvas .edge")].filter(({ id }) => {
        const [, to] = id.match(/_f(\\d+)$/) ?? [];
        if (!to) return false;
        const goal = at(`at_${id}`) ?? at(`f${to}`);
        const head = at(id).querySelector("polygon").getBoundingClientRect();
        const box = goal.getBoundingClientRect();
        return head.right < box.left - 4 || box.right + 4 < head.left
            || head.bottom < box.top - 4 || box.bottom + 4 < head.top;
    }).map((e) => e.id);
}"""


CROOKED = """() => {  // heads that do not go on as the last piece of their line comes in
    const numbers = (e, name) => e.getAttribute(name).match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
    return [...document.querySelectorAll("#canvas > svg > g > .edge")].filter((edge) => {
        const line = numbers(edge.querySelector("path"), "d");
        const [ax, ay, tipX, tipY, bx, by] = numbers(edge.querySelector("polygon"), "points");
        const [endX, endY] = line.slice(-2);
        let k = line.length - 4;
        while (line[k] === endX && line[k + 1] === endY) k -= 2;
        const [x, y, headX, headY] = [endX - line[k], endY - line[k + 1], tipX - endX, tipY - endY];
        const gap = Math.hypot((ax + bx) / 2 - endX, (ay + by) / 2 - endY);
        const sin = (x * headY - y * headX) / Math.hypot(x, y) / Math.hypot(headX, headY);
        return gap > 0.5 || Math.hypot(x, y) > 1 && (Math.abs(sin) > 0.03 || x * headX < 0);
    }).map((e) => e.id);
}"""


@pytest.mark.parametrize("opened", [[], [2], [1, 2], [2, 5], [1, 3, 4, 6], [*range(7)]])
def test_the_rest_makes_room_for_what_is_open(step, opened):
    page = step(mse(MLP(2, [2, 3], seed=1)([1.0, 0.5]), [1.0, 0.0, 1.0]))
    names = page.evaluate("JSON.parse(document.getElementById('data').textContent).folds")
    for k in opened:
        page.locator(f"#canvas #f{k}").click()
    page.click("#fit")
    assert len(names) == 7
    assert page.locator("#canvas .cluster").count() == len(opened)
    assert page.evaluate(APART) == []
    assert page.evaluate(HANGING) == []
    assert page.evaluate(CROOKED) == []


@pytest.mark.parametrize("size", [(360, 640), (1366, 768)])
def test_the_key_stands_below_the_graph(step, size):
    for root in (readme(), notes()):
        page = step(root, viewport={"width": size[0], "height": size[1]})
        canvas, key = (page.locator(name).bounding_box() for name in ("#canvas", ".legend"))
        assert canvas["y"] + canvas["height"] <= key["y"] < size[1]


def test_scripts_that_are_too_small_as_characters_are_written_large(step):
    page = step(notes())
    page.click("#fold")
    assert page.locator("tbody th math").count() > 20
    sizes = page.locator("#canvas .script").evaluate_all(
        "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize) "
        "/ parseFloat(getComputedStyle(e.parentElement).fontSize))"
    )
    assert len(sizes) > 20
    assert min(sizes) >= 0.7
    jump(page, "product")
    assert page.locator("#say math").count() >= 1


@pytest.mark.parametrize("root", [readme, notes])
def test_a_printed_page_is_a_handout(step, root):
    page = step(root(), color_scheme="dark")
    page.click("#last")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    for part in ("footer", "header button", "#fold", "#zoom-in", "#answer"):
        assert page.locator(part).evaluate_all("all => all.every((e) => !e.offsetParent)")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    rows = page.locator("tbody tr").count()
    assert page.locator("#canvas .box").count() == rows  # the whole graph, also of a folded one
    boxes = page.evaluate(
        """() => ["#canvas svg", ".step", "table"].map((name) => {
            const box = document.querySelector(name).getBoundingClientRect();
            return [box.left, box.top, box.right, box.bottom];
        })"""
    )
    assert all(left >= 0 and right <= 1280 for left, _, right, _ in boxes)
    assert boxes[0][3] <= boxes[1][1] <= boxes[1][3] <= boxes[2][1]
    assert page.locator(".scroll").evaluate("e => e.scrollHeight - e.clientHeight") <= 0
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.is_visible("footer")


def test_the_size_that_was_chosen_stays_whatever_the_steps_say(step):
    page = step(readme(), viewport={"width": 703, "height": 1000})  # their words take more or less
    page.click("#zoom-in")
    scale = """() => {
        const svg = document.querySelector("#canvas svg");
        return parseFloat(svg.style.width) / svg.viewBox.baseVal.width;
    }"""
    chosen, heights = page.evaluate(scale), set()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        page.evaluate(TWO_FRAMES)
        heights.add(page.evaluate("document.getElementById('canvas').offsetHeight"))
        assert page.evaluate(scale) == pytest.approx(chosen, rel=1e-3)
    assert len(heights) > 1


def broad() -> Value:
    return mse(MLP(2, [8, 1], seed=1)([1.0, 0.5]), 1.0)


TWO_FRAMES = "() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"


@pytest.mark.parametrize("root", [readme, notes, broad, lambda: tanhs(40)])
def test_a_wide_graph_is_printed_in_rows_that_can_be_read(step, root):
    page = step(root(), viewport={"width": 703, "height": 1000})  # A4 between its margins
    page.evaluate("document.getElementById('canvas').style.scrollBehavior = 'auto'")
    page.click("#zoom-in")
    page.evaluate(SEEK, "product")
    for _ in range(4):  # into a neuron, where there are some
        page.keyboard.press("ArrowRight")
    page.evaluate(TWO_FRAMES)  # what watches sizes has seen the room that the step leaves
    drawn = """() => {
        const style = new CSSStyleSheet();
        style.replaceSync("#canvas .far { display: inline !important; }");
        document.adoptedStyleSheets = [style];
        const origin = document.querySelector("#canvas svg").getBoundingClientRect();
        const result = [...document.querySelectorAll("#canvas svg, #canvas [id]")].map((e) => {
            const { x, y, width, height } = e.getBoundingClientRect();
            const place = [x - origin.x, y - origin.y, width, height].map(Math.round);
            return [e.id, e.getAttribute("class")?.replace(" far", ""), ...place];
        });
        document.adoptedStyleSheets = [];
        return result;
    }"""
    before = page.evaluate(drawn)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    rows = page.locator("#canvas svg:visible")
    assert rows.count() == page.locator("#canvas .row").count() or rows.count() == 1
    assert page.locator("#canvas .box:visible").count() == page.locator("tbody tr").count()
    smallest, places = page.evaluate(
        """() => {
            const seen = [...document.querySelectorAll("#canvas .box")].map((box) => [
                box.querySelector("path").getBoundingClientRect(),
                box.closest("svg").getBoundingClientRect(),
            ]);
            const scales = [...document.querySelectorAll("#canvas svg:not([hidden])")]
                .map((svg) => svg.getScreenCTM().a);
            return [11 * 0.75 * Math.min(...scales), seen.filter(([box, row]) => row.left < 0
                || row.right > 703 || box.left < row.left || row.right < box.right
                || box.top < row.top || row.bottom < box.bottom)];
        }"""
    )
    assert smallest >= 6  # points, of the words in a box
    assert places == []
    cut = "all => all.map((e) => e.getScreenCTM().a)"
    assert len({round(scale, 3) for scale in rows.evaluate_all(cut)}) == 1
    page.evaluate(TWO_FRAMES)  # what watches sizes has seen those of paper
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(drawn) == before
    page.evaluate(TWO_FRAMES)
    assert page.evaluate(drawn) == before
    now = page.evaluate(
        """() => ["#canvas .to", "#canvas"].map((name) => {
            const { left, right } = document.querySelector(name).getBoundingClientRect();
            return [left, right];
        })"""
    )
    assert now[1][0] <= now[0][0] < now[0][1] <= now[1][1]  # the step is seen again


UNPRINTED = "() => { window.print = () => { window.printed = (window.printed ?? 0) + 1; }; }"


def pages(page: Any) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))


@pytest.mark.parametrize("root", [readme, notes])
def test_the_worksheet_has_blanks_and_its_key_pages_of_its_own(step, root):
    page = step(root(), color_scheme="dark")
    page.evaluate(UNPRINTED)
    page.click("#last")
    assert page.is_hidden("#paper")
    page.click("#sheet")
    assert page.evaluate("window.printed") == 1
    assert page.is_hidden(".steps")
    boxes = """(name) => [...document.querySelectorAll(`.${name} .box`)]
        .map((box) => [...box.querySelectorAll("text")].slice(-2).map((e) => e.textContent))"""
    blanks, filled = (page.evaluate(boxes, name) for name in ("blanks", "filled"))
    rows = page.locator("tbody tr").count()
    assert len(blanks) == len(filled) == rows
    assert {grad for _, grad in blanks} == {""}
    leaves = [value for value, _ in blanks if value]
    assert 0 < len(leaves) < rows
    told = page.evaluate("JSON.parse(document.getElementById('data').textContent).nodes")
    key = sorted([node["value"], node["grad"]] for node in told if not node["number"])
    assert sorted(filled) == key
    assert page.locator(".paper .lit, .paper .mark, .paper [id]").count() == 0
    ground = page.locator(".paper").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    page.click("#en")
    assert page.inner_text(".paper h1") == "Backpropagation by hand"
    assert page.locator(".blanks .box", has_text="value").count() == rows
    assert "beside each grad" in page.inner_text(".paper header")
    whole = pages(page)
    key = page.locator(".paper .key")
    key.evaluate("e => { e.hidden = true; }")
    alone = pages(page)
    key.evaluate("e => { e.hidden = false; }")
    others = page.locator(".paper > :not(.key)")
    others.evaluate_all("all => all.forEach((e) => { e.hidden = true; })")
    assert whole == alone + pages(page) <= 4  # nothing else on its pages
    others.evaluate_all("all => all.forEach((e) => { e.hidden = false; })")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 between its margins
    page.emulate_media(media="print")
    scales = page.locator(".paper svg").evaluate_all("all => all.map((e) => e.getScreenCTM().a)")
    assert 11 * 0.75 * min(scales) >= 6  # points, of the words in a box
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.click("#sheet")
    assert page.is_hidden("#paper")
    assert page.is_visible(".steps")
    assert place(page) == last(page)
    assert page.locator("#canvas .lit").count() > 0


def test_a_page_in_a_notebook_has_its_worksheet_too(visit, tmp_path):
    path = tmp_path / "notebook.html"
    cell = BackwardPass(readme())._repr_html_()
    path.write_text(f"<!doctype html><meta charset=utf-8>{cell}", encoding="utf-8")
    frame = visit(path).frame_locator("iframe")
    frame.locator("body").evaluate(UNPRINTED)
    frame.locator("#sheet").click()
    assert "f = …………" in frame.locator(".paper").text_content()
    assert frame.locator("body").evaluate("window.printed") == 1


def test_a_product_goes_from_symbols_over_numbers_to_the_result(step):
    page = step(squared())
    page.click("#last")
    page.click("#back")
    lines = page.locator("#formula math").all_text_contents()
    assert lines == ["∂f∂s·∂s∂a\N{NO-BREAK SPACE}(factor n.º 2)", "=4·a", "=4·(−2)", "=−8"]
    assert "a (factor n.º 2)" in said(page)  # by both, ∂s/∂a is −4
    page.click("#en")
    assert "a (factor 2)" in said(page)
    assert "(factor 2)" in page.locator("#formula math").first.text_content()
    page.click("#es")
    page.get_by_role("button", name="b", exact=True).click()
    lines = page.locator("#formula math").all_text_contents()
    assert lines == ["∂f∂b=∂f∂(b·s)·∂(b·s)∂b", "=1·s", "=1·4", "=4"]


def test_a_sum_at_a_fan_out_is_a_step_of_its_own(step):
    page = step(squared())
    page.click("#last")
    assert "−8 → −8 + (−8) = −16" in said(page)
    assert page.locator("#formula math").all_text_contents() == ["∂f∂a=−8+(−8)", "=−16"]
    page.keyboard.press("ArrowLeft")
    assert gradients(page)["a"] == "−8"


def test_a_click_on_a_node_goes_to_where_its_gradient_is_final(step):
    page = step(squared())
    page.locator("#canvas .box", has_text="s").first.click()
    assert gradients(page)["s"] == "4"
    assert gradients(page)["a"] == "—"
    assert "queda completo el gradiente de s" in page.inner_text("#note")
    page.get_by_role("button", name="a", exact=True).click()
    assert place(page) == last(page)


def test_predict_then_reveal(step):
    page = step(squared())
    page.click("#last")
    page.click("#predict")
    assert gradients(page)["a"] == "−8"
    assert "?" in page.inner_text("#formula")
    assert "−16" not in page.inner_text("main")
    answers = {
        "hola": "no es un número",
        "16": "signo",
        "-8": "Súmalo a −8",
        "3": "Todavía no",
    }
    for typed, feedback in answers.items():
        page.fill("#number", typed)
        page.keyboard.press("Enter")
        assert feedback in page.inner_text("#feedback")
    page.fill("#number", "-16,05")
    page.keyboard.press("Enter")
    assert gradients(page)["a"] == "−16"
    assert "Correcto: −16" in page.inner_text("#note")
    page.keyboard.press("ArrowLeft")
    page.fill("#number", "-8")
    page.keyboard.press("Enter")
    assert "solo la derivada parcial local" in page.inner_text("#feedback")
    page.fill("#number", "-2")
    page.keyboard.press("Enter")
    assert "Correcto: −2" in page.inner_text("#note")
    page.fill("#number", "4")
    page.keyboard.press("Enter")
    assert "uno de los dos factores" in page.inner_text("#feedback")
    page.fill("#number", "-32/4")
    page.keyboard.press("Enter")
    assert page.is_hidden("#answer")


def test_first_the_local_partial_is_asked_then_the_product_then_the_sum(step):
    page = step(squared())
    page.click("#last")
    page.keyboard.press("ArrowLeft")
    page.click("#predict")
    assert "Primero, la derivada parcial local" in said(page)
    assert page.locator("#formula math").last.text_content() == "∂s∂a (factor n.º 2)=?"
    assert "−2" not in page.inner_text("#formula")
    assert page.locator("#canvas .partial").text_content() == "·?"
    page.click("#reveal")
    assert "¿Cuánto vale ese producto?" in said(page)
    assert page.locator("#formula math").last.text_content() == "=?"
    assert page.locator("#canvas .partial").text_content() == "·(−2)"
    page.click("#reveal")
    assert page.is_hidden("#answer")
    page.click("#next")
    assert "¿Cuál es ahora su gradiente?" in said(page)


def test_a_product_with_1_is_not_asked(step):
    page = step(squared())
    page.click("#predict")
    jump(page, "product")  # ∂f/∂f · ∂f/∂(b·s) = 1 · 1
    assert "Primero" in said(page)
    page.fill("#number", "1")
    page.keyboard.press("Enter")
    assert page.is_hidden("#answer")


@pytest.mark.parametrize("size", SIZES)
def test_the_field_and_what_is_said_of_an_answer_are_seen(step, size):
    page = step(readme(), viewport={"width": size[0], "height": size[1]})
    if size[0] < 700:
        page.click("#more")
    page.click("#predict")
    page.evaluate(SEEK, "product")
    page.fill("#number", "77")
    page.keyboard.press("Enter")
    panel = page.locator(".step").bounding_box()
    for part in ("#number", "#reveal", "#feedback"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= panel["y"]
        assert box["y"] + box["height"] <= panel["y"] + panel["height"]
        assert box["x"] + box["width"] <= panel["x"] + panel["width"]
    assert page.locator("#number").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("size", SIZES[2:])
def test_the_class_sees_the_result_of_a_product(step, size):
    page = step(readme(), viewport={"width": size[0], "height": size[1]})
    page.click("#class-mode")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    panel = page.locator(".step").bounding_box()
    result = page.locator("#formula > :last-child").bounding_box()
    assert result["y"] + result["height"] <= panel["y"] + panel["height"]


def test_in_predict_mode_a_step_first_reveals(step):
    page = step(squared())
    jump(page, "product")
    page.click("#predict")
    assert page.is_visible("#answer")
    here = place(page)
    page.click("#next")
    assert place(page) == here
    assert page.is_hidden("#answer")
    page.click("#next")
    assert place(page) == here + 1


def test_language_switch(step):
    page = step(squared(), "#2")
    page.get_by_role("button", name="English").click()
    assert page.get_attribute("html", "lang") == "en"
    assert page.inner_text("h1") == "Backpropagation, step by step"
    assert "is computed" in said(page)
    assert page.get_attribute("#next", "aria-label") == "Next"
    assert "value" in page.locator("#n0").text_content()
    assert page.title() == "Step by step: the backward pass of f"
    page.get_by_role("button", name="Español").click()
    assert "Se calcula" in said(page)


def test_what_is_said_of_an_answer_is_in_the_language_of_the_page(step):
    page = step(squared())
    page.click("#predict")
    jump(page, "product")
    page.fill("#number", "99")
    page.press("#number", "Enter")
    expect(page.locator("#feedback")).to_contain_text("Todavía no")
    page.click("#en")
    expect(page.locator("#feedback")).to_be_empty()
    assert page.input_value("#number") == "99"
    page.click("#answer [type=submit]")
    expect(page.locator("#feedback")).to_contain_text("Not yet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_and_the_switch(step, scheme):
    page = step(squared(), color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    assert (sum(map(int, re.findall(r"\d+", before))) < 200) == (scheme == "dark")
    page.click("#dark")
    after = page.evaluate(ground)
    assert (sum(map(int, re.findall(r"\d+", after))) < 200) == (scheme == "light")


OLDER = """
    for (const name of ["with", "toSorted", "toReversed"]) delete Array.prototype[name];
    for (const name of ["ariaLive", "ariaLabel"]) delete Element.prototype[name];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_of_2023_paints_the_boxes_and_steps(browser, tmp_path, scheme):
    path = tmp_path / "pasos.html"
    BackwardPass(squared()).save_html(path)
    assert "light-dark(" not in path.read_text("utf-8")
    page = browser.new_page(color_scheme=scheme)
    page.add_init_script(OLDER)
    page.goto(path.as_uri())
    page.click("#last")
    assert gradients(page)["a"] == "−16"
    grounds = page.locator("#canvas .box polygon, #canvas .box path").evaluate_all(
        "all => [...new Set(all.map((e) => getComputedStyle(e).fill))]"
    )
    colours = LIGHT if scheme == "light" else DARK
    wanted = (colours[name] for name in ("ground", "value-soft", "gradient-soft"))
    rgb = {f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:], 16)})" for c in wanted}
    assert {ground for ground in grounds if ground != "none"} == rgb
    page.close()


def test_wrong_order_shows_wrong_beside_right(step):
    page = step(squared())
    page.click("#wrong")
    expect(page).to_have_url(re.compile("#x0$"))
    assert "sin esperar" in said(page)
    page.click("#last")
    row = page.locator("tbody tr", has=page.get_by_role("button", name="a", exact=True))
    assert row.locator(".grad").inner_text().startswith("✗ ")
    assert row.locator(".proof").inner_text() == "−16"
    assert page.locator("#canvas .box.bad").count() == 1
    assert page.locator("#canvas .mark:visible").count() == 1
    size = "e => getComputedStyle(e.querySelector('text:last-of-type')).fontSize"
    sizes = {box.evaluate(size) for box in page.locator("#canvas .box").all()}
    assert len(sizes) == 1  # a wrong number is as large as a right one
    page.click("#wrong")
    page.click("#last")
    assert gradients(page)["a"] == "−16"


def test_too_early_is_said_and_what_it_spoils(step):
    p = Value(2.0, "a") * 3
    p.label = "p"
    s = p * p
    s.label = "s"
    page = step(s + 3 * s, "#x0")
    notes = []
    for _ in range(last(page)):
        page.keyboard.press("ArrowRight")
        notes.append(page.inner_text("#note"))
    assert notes.count("✗ Demasiado pronto: s tenía solo 1, pero su gradiente es 4.") == 2
    assert "✗ El error se arrastra: p tiene 12, pero su gradiente es 48." in notes


def test_where_no_order_goes_wrong_none_is_offered(step):
    page = step(Value(2.0, "a") * 3, "#x1")
    assert page.locator("#wrong").count() == 0
    assert page.get_attribute("body", "class").split() == ["forward", "right"]


def test_labels_are_shown_as_text(step):
    dialogs = []
    root = Value(2.0, HOSTILE) * Value(3.0, '<img src=x onerror="alert(1)">')
    root.label = "{{7*7}}&lt;b&gt;"
    page = step(root)
    page.on("dialog", lambda d: (dialogs.append(d.message), d.dismiss()))
    for _ in range(last(page)):
        page.keyboard.press("ArrowRight")
    assert HOSTILE[:31] in page.inner_text("tbody")
    assert HOSTILE[:31] in page.locator("#canvas").text_content()
    assert "{{7*7}}&lt;b&gt;" in said(page)
    assert page.locator("script[type=module]").count() == 1
    assert page.locator("img").count() == 0
    assert not dialogs


def test_the_policy_keeps_out_what_is_not_of_the_page(browser, tmp_path):
    path = tmp_path / "page.html"
    BackwardPass(squared()).save_html(path)
    text = path.read_text(encoding="utf-8")
    smuggled = "<img src='https://example.com/a.png'><script>document.title = 'in'</script>"
    path.write_text(text.replace("</body>", smuggled + "</body>"), encoding="utf-8")
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    page.keyboard.press("ArrowRight")
    assert page.title() != "in"
    assert len([text for text in refused if "Content Security Policy" in text]) == 2
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("root", GRAPHS)
def test_every_graph_is_stepped_through_and_fits_the_screen(step, root, width):
    page = step(GRAPHS[root](), viewport={"width": width, "height": 844})
    widest = page.evaluate(
        """() => {
            const press = (key) =>
                document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
            const time = document.getElementById("time");
            let widest = 0;
            for (let k = 0; k < 100 && time.value !== time.max; k++) {
                press("ArrowRight");
                widest = Math.max(widest, document.documentElement.scrollWidth);
            }
            press("End");
            document.getElementById("predict").click();
            return Math.max(widest, document.documentElement.scrollWidth);
        }"""
    )
    assert place(page) == last(page)
    assert widest <= width
    if width < 700:
        page.click("#table")
        page.click("#more")
    page.click("#predict")
    assert "—" not in [text for name, text in gradients(page).items() if name in "abxyzCf"]


@pytest.mark.parametrize("width", [1440, 1280, 390])
def test_the_table_is_whole_and_its_columns_stay(step, width):
    page = step(notes(), viewport={"width": width, "height": 844})
    if width < 700:
        page.click("#table")
    table = page.locator(".nodes .scroll")
    columns = """e => [...e.querySelectorAll("thead th")]
        .map((th) => th.getBoundingClientRect()).map((box) => [box.left, box.right]).flat()"""
    begin = table.evaluate(columns)
    page.keyboard.press("End")
    assert table.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert table.evaluate(columns) == pytest.approx(begin, abs=16)


def test_a_large_graph_is_legible_and_a_small_one_is_seen_whole(step):
    page = step(notes(), viewport={"width": 1440, "height": 900})
    text = page.locator("#canvas .box text").last
    assert text.evaluate("e => e.getBBox().height * e.getScreenCTM().d") > 14
    page = step(squared(), viewport={"width": 1440, "height": 900})
    assert page.locator("#canvas").evaluate("e => e.scrollWidth - e.clientWidth") <= 0


def test_the_row_of_the_step_is_seen_and_none_is_cut_under_the_head(step):
    page = step(notes(), viewport={"width": 960, "height": 720})  # as in a notebook
    seen = """() => {
        const table = document.querySelector(".nodes .scroll");
        const view = table.getBoundingClientRect();
        const head = document.querySelector("thead th").getBoundingClientRect().bottom;
        const boxes = [...document.querySelectorAll("tbody tr")]
            .map((e) => e.getBoundingClientRect());
        const cut = boxes.filter((box) => box.top < head - 2 && box.bottom > head + 2).length;
        const now = document.querySelector("tr.now")?.getBoundingClientRect();
        const atEnd = table.scrollTop >= table.scrollHeight - table.clientHeight - 1;
        return [atEnd ? 0 : cut, !now || now.top >= head - 1 && now.bottom <= view.bottom + 1];
    }"""
    covered = """() => [...document.querySelectorAll("thead th")].filter((th) => {
        const { left, right, top, bottom } = th.getBoundingClientRect();
        const points = [0.1, 0.2, 0.5].flatMap((x) => [0.2, 0.5, 0.8].map((y) => [x, y]));
        return right > left && points.some(([x, y]) => !th.contains(document.elementFromPoint(
            left + x * (right - left), top + y * (bottom - top))));
    }).length"""
    for _ in range(last(page)):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(seen) == [0, True]
        assert page.evaluate(covered) == 0


@pytest.mark.parametrize("size", [(844, 390), (1366, 580), (1366, 600), (1280, 720)])
def test_nothing_lies_under_the_player_on_a_low_screen(step, size):
    width, height = size
    page = step(notes(), viewport={"width": width, "height": height})
    jump(page, "product")
    boxes = page.evaluate(
        """() => ["footer", ".graph", ".step", ".nodes"].map((name) => {
            const box = document.querySelector(name).getBoundingClientRect();
            return [box.top, box.bottom];
        })"""
    )
    (top, bottom), graph, shown_step, table = boxes
    assert max(graph[1], shown_step[1]) <= top
    assert table[1] <= top or bottom <= table[0]
    # where the page scrolls, a finger on the player is beside the step, not below the table
    assert height >= 590 or top - shown_step[1] < 50
    assert page.locator("#formula").evaluate("e => e.scrollHeight - e.clientHeight") <= 0


def test_a_high_formula_is_written_smaller_and_shows_its_result(step):
    a = Value(0.0, "a")
    page = step(1 / (1 / a), viewport={"width": 1280, "height": 720})
    page.click("#last")
    assert page.locator("#formula div").count() >= 4
    assert page.locator("#formula").evaluate("e => e.scrollHeight - e.clientHeight") <= 0


def test_a_step_between_nodes_far_apart_shows_where_it_ends(step):
    w, x = Value(0.9, "w"), Value(0.5)
    for _ in range(30):
        x = (w * x).tanh()
    page = step(x)
    page.evaluate("document.getElementById('canvas').style.scrollBehavior = 'auto'")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
        assert page.locator("#canvas .to").evaluate(
            """e => {
                const box = e.getBoundingClientRect();
                const view = document.getElementById("canvas").getBoundingClientRect();
                return box.left >= view.left && box.right <= view.right
                    && box.top >= view.top && box.bottom <= view.bottom;
            }"""
        )


@pytest.mark.parametrize(
    ("root", "size", "open_all"),
    [(lambda: tanhs(40), (1280, 800), False), (notes, (700, 600), True)],
)
def test_what_is_far_from_the_view_is_not_painted_but_it_is_printed(step, root, size, open_all):
    page = step(root(), viewport={"width": size[0], "height": size[1]})
    if open_all:
        page.click("#fold")
    seen = """() => {  // the boxes that are seen in the view, and how many are painted at all
        const view = document.getElementById("canvas").getBoundingClientRect();
        const boxes = [...document.querySelectorAll("#canvas .box")]
            .map((e) => e.getBoundingClientRect()).filter((box) => box.width);
        const near = boxes.filter((box) => box.left < view.right && view.left < box.right
            && box.top < view.bottom && view.top < box.bottom);
        return [near.length, boxes.length];
    }"""
    everything = page.locator("#canvas .box").count()
    begin, painted = page.evaluate(seen)
    assert 3 < begin <= painted < everything / 2
    page.evaluate("document.getElementById('canvas').style.scrollBehavior = 'auto'")
    for part in (0.5, 1):
        page.evaluate(
            """(part) => new Promise((done) => {
                const canvas = document.getElementById("canvas");
                canvas.addEventListener("scroll", () => requestAnimationFrame(done));
                const time = document.getElementById("time");
                time.value = Math.round(part * time.max);
                time.dispatchEvent(new Event("input"));
            })""",
            part,
        )
        near, painted = page.evaluate(seen)
        assert begin / 3 <= near <= painted < everything / 2
    page.emulate_media(media="print")
    assert page.evaluate(seen)[1] == everything


def test_a_gradient_that_is_not_there_yet_is_not_said_to_agree(step):
    page = step(squared())
    proofs = page.locator("td.proof")
    assert {proofs.nth(i).get_attribute("title") or "" for i in range(proofs.count())} == {""}
    page.click("#last")
    assert page.locator("tr.now td.proof").get_attribute("title") == "coincide"


def test_without_javascript_the_page_says_so(browser, tmp_path):
    BackwardPass(squared()).save_html(tmp_path / "pasos.html")
    page = browser.new_page(java_script_enabled=False)
    page.goto((tmp_path / "pasos.html").as_uri())
    assert page.locator("noscript p").is_visible()
    page.close()


def test_small_numbers_keep_their_exponent(step):
    page = step(tanhs(40))
    page.click("#last")
    lines = page.locator("#formula math").all_text_contents()
    assert lines[-1] == "=7.14·10−22"
    assert (
        page.evaluate("(e => e.scrollWidth - e.clientWidth)(document.getElementById('formula'))")
        <= 0
    )


def test_a_branch_that_is_not_taken_ends_with_0_and_says_why(step):
    x = Value(-2.0, "x")
    page = step(x.relu() + 1)
    jump(page, "none")
    assert "no depende de x" in said(page)
    assert gradients(page)["x"] == "0"
    assert page.locator("tbody tr.now .proof").inner_text() == "0 ✓"


def test_what_differs_is_not_marked_as_right(step):
    page = step(Value(0.0, "x").relu())
    page.click("#last")
    proof = page.locator("tbody tr.now .proof")
    assert proof.inner_text() == "0.5 ≠"
    agreeing = page.locator("tbody .proof:not(.differs)").first
    colour = "e => getComputedStyle(e).color"
    assert proof.evaluate(colour) != agreeing.evaluate(colour)


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(step):
    page = step(squared())
    names = page.eval_on_selector_all(
        "button, select, input",
        "all => all.filter(e => e.offsetParent && !e.ariaLabel && !e.innerText.trim()"
        " && !(e.labels ?? []).length).length",
    )
    assert names == 0
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"es", "en", "dark", "first", "play", "last", "speed", "predict", "wrong"} <= reached
    assert {"time", "canvas"} <= reached
    assert page.get_attribute("#say", "aria-live") == "polite"


CONTRAST = """() => {
    const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
    const light = (c) => {
        const [r, g, b] = numbers(c).map((x) => x / 255)
            .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const opaque = (c) => (numbers(c)[3] ?? 1) === 1;
    const ground = (e) => {
        while (!opaque(getComputedStyle(e).backgroundColor)) e = e.parentElement;
        return getComputedStyle(e).backgroundColor;
    };
    const behind = (text) => {  // in the drawing: the cell before it, or the box
        const cell = text.previousElementSibling;
        const box = text.parentElement.querySelector("path");
        const filled = cell?.tagName === "polygon" ? cell : box;
        return filled ? getComputedStyle(filled).fill : ground(text.closest("#canvas"));
    };
    const seen = [];
    for (const e of document.querySelectorAll("body *")) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!own || !e.getClientRects().length || e.closest("script, style, template")) continue;
        const drawn = e.tagName === "text", style = getComputedStyle(e);
        const pair = drawn ? [style.fill, behind(e)] : [style.color, ground(e)];
        const [low, high] = pair.map(light).sort((a, b) => a - b);
        seen.push([(high + 0.05) / (low + 0.05), e.textContent.trim(), ...pair]);
    }
    return seen.sort((a, b) => a[0] - b[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(step, scheme):
    page = step(squared(), color_scheme=scheme)
    for kind, button in (
        ("start", None), ("forward", None), ("product", None), ("sum", "#predict"),
        ("product", "#wrong"), ("sum", None),
    ):  # fmt: skip
        if button:
            page.click(button)
        jump(page, kind)
        seen = page.evaluate(CONTRAST)
        assert len(seen) > 40
        assert seen[0][0] >= 4.5, seen[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1366, 768), (360, 640)])
def test_axe_finds_nothing(step, accessible, scheme, size):
    page = step(squared(), color_scheme=scheme, viewport={"width": size[0], "height": size[1]})
    page.evaluate(UNPRINTED)
    page.keyboard.press("End")
    accessible(page)
    for mode in ("#predict", "#wrong", "#class-mode"):
        if size[0] < 700:
            page.click("#more")
            accessible(page)
        page.click(mode)
        page.click("#next")
        accessible(page)
    page.click("#sheet")
    accessible(page)


def test_axe_finds_nothing_where_neurons_are_folded_and_in_forward_mode(
    step, visit, tmp_path, accessible
):
    accessible(step(notes(), "#30"))
    path = tmp_path / "adelante.html"
    root = squared()
    a = next(v for v in topological_order(root) if v.label == "a")
    ForwardPass(root, a).save_html(path)
    accessible(visit(path))


def test_works_inside_a_notebook_frame_without_a_kernel(visit, tmp_path):
    path = tmp_path / "notebook.html"
    cell = BackwardPass(squared())._repr_html_()
    path.write_text(f"<!doctype html><meta charset=utf-8>{cell}{cell}", encoding="utf-8")
    page = visit(path)
    first, second = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
    first.locator("#last").click()
    assert first.locator("#count").inner_text() != second.locator("#count").inner_text()
    assert "−16" in first.locator("tbody").inner_text()


def test_a_notebook_that_is_not_trusted_shows_a_picture_and_how_to_trust_it(visit, tmp_path):
    path = tmp_path / "notebook.html"
    cell = BackwardPass(squared())._repr_html_()
    path.write_text(f"<!doctype html><meta charset=utf-8>{cell}", encoding="utf-8")
    page = visit(path)
    assert page.is_visible("iframe")
    assert page.is_hidden("img")
    # Jupyter takes out what could run, and styles
    left = re.sub(r"<style>.*?</style>|<iframe.*?</iframe>", "", cell, flags=re.DOTALL)
    path.write_text(f"<!doctype html><meta charset=utf-8>{left}", encoding="utf-8")
    page = visit(path)
    assert page.locator("img").evaluate("e => e.naturalWidth") > 400
    assert "Confiar en el cuaderno" in page.inner_text("p")


def test_in_a_frame_that_is_shown_later_every_number_is_in_its_box(visit, tmp_path):
    path = tmp_path / "notebook.html"
    cell = BackwardPass(squared())._repr_html_()
    path.write_text(f"<!doctype html><meta charset=utf-8><div hidden>{cell}</div>", "utf-8")
    page = visit(path)
    frame = page.frame_locator("iframe")
    expect(frame.locator("#count")).to_have_text("0 de 12")
    page.evaluate("document.querySelector('div').hidden = false")
    frame.locator("#last").click()
    outside = frame.locator("#canvas .box").evaluate_all(
        """all => all.filter((box) => {
            const {left, right} = box.querySelector("path").getBoundingClientRect();
            return [...box.querySelectorAll("text:not(.mark)")]
                .map((e) => e.getBoundingClientRect())
                .some((text) => text.left < left || text.right > right);
        }).length"""
    )
    assert outside == 0
    assert frame.locator("#canvas").evaluate("e => e.querySelector('svg').clientWidth") > 300


# -- forward mode ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["notes", "inf and nan", "branches", "own operations"])
def test_the_tangents_of_a_forward_pass(visit, tmp_path, name):
    root = GRAPHS[name]()
    for wrt in [v for v in topological_order(root) if v.label and not v.parents][:3]:
        steps = ForwardPass(root, wrt)
        path = tmp_path / "adelante.html"
        steps.save_html(path)
        page = visit(path.as_uri())
        page.click("#last")
        row = page.locator("tr[data-node]").first
        assert row.locator("td.grad").inner_text() == number(steps.at(len(steps))[root])
        assert page.is_hidden("#predict")
        assert page.locator("td.proof:visible").count() == 0


def test_a_forward_pass_goes_with_the_arrows_and_adds_where_paths_meet(visit, tmp_path):
    path = tmp_path / "adelante.html"
    root = squared()
    a = next(v for v in topological_order(root) if v.label == "a")
    ForwardPass(root, a).save_html(path)
    page = visit(path.as_uri())
    assert "modo hacia adelante" in page.inner_text("h1")
    assert "tangente" in page.inner_text("thead")
    count = int(page.inner_text("#count").split(" de ")[1])
    said = []
    for _ in range(count):
        page.click("#next")
        said.append(page.inner_text("#say"))
        assert page.locator("#canvas .turned:visible").count() == 0
    # s = a·a has two operands with a tangent, and f = s + b·s too
    assert sum("de varios operandos" in text for text in said) == 2
    assert sum("le pasa a" in text for text in said) == 5
    assert page.inner_text("#note").endswith("f.")
    assert page.locator("tr.now td.grad").inner_text() == "−16"
    page.click("#more") if page.is_visible("#more") else None
    page.click("#en")
    assert "Forward mode" in page.inner_text("h1")


def test_a_click_on_a_node_goes_to_its_tangent(visit, tmp_path):
    path = tmp_path / "adelante.html"
    root = squared()
    a = next(v for v in topological_order(root) if v.label == "a")
    ForwardPass(root, a).save_html(path)
    page = visit(path.as_uri())
    page.get_by_role("button", name="s", exact=True).click()
    assert page.locator("tr.now").inner_text().split() == ["s", "4", "−4"]
