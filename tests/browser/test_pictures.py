"""Pictures as a browser shows them: every text inside its box, light and dark."""

import pytest

from micrograd_es import MLP, Value, draw_graph, draw_network, mse, vsum

pytestmark = pytest.mark.browser

LABELS = ["W" * 40, "i" * 40, "w₍₁₂₎⁽¹²·³⁴⁾", "a & <b>", "العربية", "😀😀", "\n\t\\N", "ŷ⁽¹⁾"]

# What sticks out of the shapes of its own element, by more than a pixel.
STICKS_OUT = """() => [...document.querySelectorAll("g.node")].flatMap((g) => {
  const boxes = [...g.querySelectorAll("path, polygon, ellipse")].map((e) => e.getBBox());
  if (!boxes.length) return [];  // a plain number at its edge
  const left = Math.min(...boxes.map((b) => b.x)), top = Math.min(...boxes.map((b) => b.y));
  const right = Math.max(...boxes.map((b) => b.x + b.width));
  const bottom = Math.max(...boxes.map((b) => b.y + b.height));
  return [...g.querySelectorAll("text")].filter((t) => {
    const b = t.getBBox();
    return b.x < left - 1 || b.x + b.width > right + 1
      || b.y < top - 2 || b.y + b.height > bottom + 2;
  }).map((t) => `${g.id}: ${t.textContent}`);
})"""


def pictures():
    model = MLP(2, [3, 2], activation="tanh", seed=1)
    cost = mse([model([0.1, 0.7]), model([1.0, -2.0])], [[0.5, 1.0]] * 2)
    before = draw_graph(cost)
    cost.backward()
    wild = vsum([Value(-1.234e-300, label=label) for label in LABELS])
    return {
        "before": before,
        "after": draw_graph(cost),
        "folded": draw_graph(cost, fold="neuron"),
        "opened": draw_graph(cost, fold="sample", opened=[1]),
        "wild": draw_graph(wild),
        "network": draw_network(model),
        "wide": draw_network(MLP(64, [32, 10], seed=0)),
    }


@pytest.mark.parametrize("name", pictures())
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_inside_its_box(visit, tmp_path, name, scheme):
    path = pictures()[name].render(outfile=tmp_path / "picture.svg", cleanup=True)
    page = visit(tmp_path / "picture.svg", color_scheme=scheme)
    assert path.endswith("picture.svg")
    assert page.locator("g.node text").count() > 10
    assert page.evaluate(STICKS_OUT) == []


def test_a_script_in_a_label_is_text(visit, tmp_path):
    label = "</text></svg><script>document.title = 'run'</script>"
    draw_graph(Value(1.0, label=label)).render(outfile=tmp_path / "picture.svg")
    page = visit(tmp_path / "picture.svg")
    assert page.title() != "run"
    assert page.locator("script").count() == 0
    assert page.locator("g.node text").first.text_content().startswith("</text></svg>")
