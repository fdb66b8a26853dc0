// One drawing of the graph: its elements by name, its texts, and arrows that turn round.

const SVG = "http://www.w3.org/2000/svg";

export function made(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The points that a shape goes through, out of its text: one that is hidden has no layout. */
export function points(shape) {
  const text = shape.getAttribute(shape.matches("path") ? "d" : "points");
  const numbers = text.match(/-?[\d.]+/g).map(Number);
  return numbers.flatMap((x, k) => (k % 2 ? [] : [[x, numbers[k + 1]]]));
}

function extent(shape) {
  const [xs, ys] = [0, 1].map((axis) => points(shape).map((point) => point[axis]));
  const [left, top] = [xs, ys].map((all) => Math.min(...all));
  const [right, bottom] = [xs, ys].map((all) => Math.max(...all));
  return { left, right, top, bottom };
}

/** Where an element is drawn; of a circle and of a text alone, a point in it. */
export function placeOf(group) {
  const shape =
    group.querySelector("rect, ellipse, path, polygon") ?? group.querySelector("text") ?? group;
  if (shape.matches("path, polygon")) return extent(shape);
  if (shape.matches("rect")) {
    const [right, bottom] = ["width", "height"].map((name) => Number(shape.getAttribute(name)));
    return { left: 0, right, top: 0, bottom };
  }
  const [x, y] = (shape.matches("text") ? ["x", "y"] : ["cx", "cy"]).map((name) =>
    Number(shape.getAttribute(name)),
  );
  return { left: x, right: x, top: y, bottom: y };
}

/** Where a part is drawn in the whole picture, which it may be moved in. */
export function placeIn(svg, part) {
  let { left, right, top, bottom } = placeOf(part);
  for (let e = part; e !== svg; e = e.parentNode) {
    const moved = e.getAttribute("transform")?.match(/translate\(([^\s,]+)[\s,]+([^)]+)\)/);
    const [dx, dy] = moved ? moved.slice(1).map(Number) : [0, 0];
    [left, right, top, bottom] = [left + dx, right + dx, top + dy, bottom + dy];
  }
  return { left, right, top, bottom };
}

const middle = ({ left, right }) => (left + right) / 2;

function centre(text, shape) {
  text.setAttribute("text-anchor", "middle");
  text.setAttribute("x", middle(extent(shape)));
}

const SCRIPT = /([₍₎₀-₉]+|[⁽⁾⁰¹²³⁴-⁹]+(?:·[⁽⁾⁰¹²³⁴-⁹]+)*)/;

const NUMBERED = /\b([A-Za-z])_?(\d+)\b/g; // x1 is x₁, as it is in formulas

/** Whether a name has scripts, which as characters are too small to read. */
export const isScripted = (name) => /[₍⁽₀-₉]/.test(name) || name.search(NUMBERED) >= 0;

const lowered = (digits) => digits.replace(/\d/g, (d) => String.fromCharCode(0x2080 + Number(d)));

/** The same text, its scripts in digits of a size that one can read. */
function writeScripts(text) {
  const parts = text.textContent
    .replace(NUMBERED, (_, letter, digits) => letter + lowered(digits))
    .split(SCRIPT)
    .filter(Boolean);
  let shift = 0; // of the line on which the part before it stands
  text.replaceChildren(
    ...parts.map((part) => {
      const to = /^[₍₀-₉]/.test(part) ? 3.5 : SCRIPT.test(part) ? -4.5 : 0;
      const piece = made("tspan", { dy: to - shift });
      if (to) piece.setAttribute("class", "script");
      // among raised characters there is no comma, and a point stands for the notes' own
      const read = to < 0 ? part.replaceAll("·", ",") : part;
      piece.textContent = read.replace(/[₍₎⁽⁾₀-₉⁰¹²³⁴-⁹]/g, (c) => c.normalize("NFKC"));
      shift = to;
      return piece;
    }),
  );
}

/** An edge gets a second arrow, from its end to its beginning: so a gradient flows. */
function turn(edge) {
  if (edge.querySelector(".turned")) return;
  const [path, head] = ["path", "polygon"].map((tag) => edge.querySelector(tag));
  const [[x, y], [towardsX, towardsY]] = points(path);
  const length = Math.hypot(towardsX - x, towardsY - y) || 1;
  const [dx, dy] = [(towardsX - x) / length, (towardsY - y) / length];
  const at = (along, aside) => `${x + along * dx - aside * dy},${y + along * dy + aside * dx}`;
  const tip = head ? `L${points(head)[1]}` : "";
  edge.append(
    made("path", {
      class: "turned",
      fill: "none",
      d: `${path.getAttribute("d").replace(/^M[^C]*/, `M${at(9, 0)}`)}${tip}`,
    }),
    made("polygon", { class: "turned", points: [at(0, 0), at(11, 5), at(11, -5)].join(" ") }),
  );
}

/** Pictures with their elements by id, and the boxes of nodes and folds; what a click picks. */
export function makeDrawing(data, pick) {
  const elements = new Map();
  const boxes = { n: data.nodes.map(() => null), f: data.folds.map(() => null) };
  const label = made("text", { class: "partial" });

  function box(group) {
    const texts = [...group.querySelectorAll("text")];
    const shape = group.querySelector("path");
    group.classList.add("box");
    const mark = made("text", { class: "mark", x: extent(shape).right, y: extent(shape).top - 2 });
    mark.textContent = "✗";
    group.prepend(mark);
    const found = { id: group.id, group, name: texts[0] };
    if (texts.length > 4) {
      const [valueCaption, gradCaption, value, gradient] = texts.slice(-4);
      for (const text of [value, gradient]) centre(text, text.previousElementSibling);
      Object.assign(found, { valueCaption, gradCaption, value, gradient });
    }
    if (group.id[0] === "n" && isScripted(found.name.textContent)) {
      centre(found.name, shape);
      writeScripts(found.name);
    }
    return found;
  }

  return {
    nodes: boxes.n,
    folds: boxes.f,
    /** Takes a picture in, and gives its boxes. */
    add(svg) {
      const added = [];
      for (const e of svg.querySelectorAll("g[id]")) {
        elements.set(e.id, e);
        const [, kind, i] = e.id.match(/^([nf])(\d+)$/) ?? [];
        if (!kind) continue;
        boxes[kind][i] = box(e);
        e.onclick = () => pick[kind](Number(i));
        added.push(boxes[kind][i]);
      }
      return added;
    },
    part: (id) => elements.get(id),
    turn: (id) => elements.has(id) && turn(elements.get(id)),
    /** Writes beside the middle of an edge; nothing where it is not drawn. */
    write(id, text) {
      const edge = elements.get(id);
      label.textContent = edge ? text : "";
      if (!edge || !text) return;
      edge.parentNode.append(label);
      const through = points(edge.querySelector("path"));
      const [[x, y], [toX, toY]] = [through[0], through[through.length - 1]];
      const isShort = Math.abs(y - toY) < 40;
      // on the side from which the edge comes; of a short one there is room only above its end,
      // in the middle between two boxes
      const [along, away, aside] = isShort ? [1, 17, 14] : [0.5, 9, 4];
      label.style.fontSize = isShort && text.length > 6 ? "12px" : "";
      label.setAttribute("x", x + along * (toX - x) + aside);
      label.setAttribute("y", y + along * (toY - y) + (y > toY + 2 ? away + 10 : -away));
    },
  };
}
