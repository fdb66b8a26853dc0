// The graph as it is seen: which drawing of it, its numbers, what is lit, and how much fits.

import { makeDrawing } from "./drawing.js";

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function makePicture(canvas, data, choose) {
  const whole = canvas.querySelector("svg");
  const drawings = new Map();
  const foldOf = new Map(data.folds.flatMap((fold, k) => fold.nodes.map((i) => [i, k])));
  let isFolded = data.folds.length > 0;
  let opened = null; // the key of the drawing that is seen
  let before = null;
  let drawing = null;
  let lit = [];
  let words = () => "";

  function drawingOf(key) {
    if (!drawings.has(key)) {
      const template = document.getElementById(`picture-${key}`);
      const svg = template ? document.importNode(template.content, true).firstElementChild : whole;
      const made = makeDrawing(svg, data);
      made.nodes.forEach((node, i) => {
        if (node) node.group.onclick = () => choose(i);
      });
      made.folds.forEach((fold, k) => {
        if (fold) fold.group.onclick = () => see(String(k));
      });
      drawings.set(key, made);
      speak(made);
    }
    return drawings.get(key);
  }

  function speak(made) {
    const boxes = [...made.nodes, ...made.folds];
    for (const { valueCaption, gradCaption } of boxes.filter((box) => box?.value)) {
      valueCaption.textContent = words("value");
      gradCaption.textContent = words("grad");
    }
    data.folds.forEach((fold, k) => {
      const title = made.folds[k]?.name ?? made.title(k);
      if (title) title.textContent = fold.name[document.documentElement.lang];
    });
  }

  function open(key) {
    if (key === opened) return;
    opened = key;
    drawing = drawingOf(key);
    canvas.replaceChildren(drawing.svg);
    comfortable();
  }

  function fill(made, numbers) {
    numbers.forEach(({ value, grad, isBad = false }, i) => {
      const fold = foldOf.get(i);
      const box = made.nodes[i] ?? (data.folds[fold]?.output === i ? made.folds[fold] : null);
      const now = `${value} ${grad} ${isBad}`;
      if (!box || box.now === now) return; // most boxes, at most steps
      box.now = now;
      put(box.value, value);
      put(box.gradient, grad);
      box.group.classList.toggle("bad", isBad);
    });
  }

  let redraw = () => {}; // writes and lights what it did last

  function see(key) {
    open(key);
    redraw();
  }

  const boxOf = (i) => drawing.nodes[i] ?? drawing.folds[foldOf.get(i)];
  const idOf = (i) => boxOf(i)?.id ?? `c${i}`;

  /** The edges from an operand to its node; where that is folded, one to the fold. */
  function edges(node, parent, index) {
    if (drawing.nodes[node]) return [`e${node}_${index}`];
    return [`${idOf(parent)}_${idOf(node)}`];
  }

  function light(f, asked) {
    for (const [element, kind] of lit) element.classList.remove(kind);
    lit = [];
    const mark = (id, kind) => {
      const element = drawing.part(id);
      if (!element) return;
      element.classList.add(kind);
      lit.push([element, kind]);
    };
    const isForward = f.kind === "forward";
    if (isForward) {
      data.nodes[f.node].parents.forEach((p, j) => {
        for (const id of edges(f.node, p, j)) mark(id, "lit");
        mark(idOf(p), "from");
      });
      mark(idOf(f.node), "to");
    } else if (f.kind === "seed") {
      mark(idOf(data.start), "to");
    } else if (f.parent !== undefined) {
      const way = [...edges(f.node, f.parent, f.index), `r${f.node}`];
      for (const id of way) {
        if (!data.ahead) drawing.turn(id);
        mark(id, "lit");
      }
      mark(idOf(f.from), "from");
      mark(idOf(f.to), "to");
    }
    if (f.node !== undefined) {
      mark(`o${f.node}`, "lit");
      mark(`r${f.node}`, "lit");
    }
    drawing.write(`e${f.node}_${f.index}`, partialOf(f, asked));
  }

  function partialOf(f, asked) {
    if (asked === "partial") return "·?";
    if (f.why === "flat") return "·0";
    if (!f.partial) return "";
    return `·${f.partial[0].startsWith("−") ? `(${f.partial[0]})` : f.partial[0]}`;
  }

  // scrolls as little as shows all that is lit, and a margin around it; the node that the
  // step ends at, where there is no room for all
  function follow() {
    if (!lit.some(([, kind]) => kind === "to")) return;
    const view = canvas.getBoundingClientRect();
    const margin = 24;
    const span = (kinds, low, high) => {
      const boxes = lit
        .filter(([, kind]) => kinds.includes(kind))
        .map(([element]) => element.getBoundingClientRect());
      return [
        Math.min(...boxes.map((b) => b[low])) - margin,
        Math.max(...boxes.map((b) => b[high])) + margin,
      ];
    };
    const shift = (low, high) => {
      let [from, to] = span(["from", "to"], low, high);
      if (to - from > view[high] - view[low]) [from, to] = span(["to"], low, high);
      if (from < view[low]) return from - view[low];
      return Math.max(0, Math.min(to - view[high], from - view[low]));
    };
    const left = shift("left", "right");
    const top = shift("top", "bottom");
    if (left || top) canvas.scrollBy({ left, top });
  }

  let zoom = 1;
  const unit = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const size = () => drawing.svg.viewBox.baseVal;
  const fitting = () =>
    Math.min((canvas.clientWidth - 24) / size().width, (canvas.clientHeight - 24) / size().height);

  function scale(factor) {
    zoom = Math.min(8, Math.max(0.1, factor));
    drawing.svg.style.width = `${size().width * zoom}px`;
    drawing.svg.style.height = `${size().height * zoom}px`;
  }

  // what can be read whole fills the place; a larger graph is followed, at a size that the last
  // row reads
  function comfortable() {
    const large = innerWidth < 600 ? 1 : 1.2;
    scale(fitting() < 0.75 * unit() ? large * unit() : Math.min(1.8 * unit(), fitting()));
  }

  let seen = "";
  new ResizeObserver(() => {
    const now = `${canvas.offsetWidth} ${canvas.offsetHeight}`;
    if (now === seen) return;
    seen = now;
    comfortable();
    follow();
  }).observe(canvas);

  return {
    light,
    follow,
    fit: () => scale(fitting()),
    zoom: (factor) => scale(zoom * factor),
    /** Opens the drawing in which a node is seen. */
    reach(node) {
      const fold = foldOf.get(node);
      if (!isFolded) open("whole");
      else if (fold !== undefined) open(String(fold));
      else if (opened === null || opened === "whole") open("closed");
    },
    fold(isWanted) {
      isFolded = isWanted;
      see(isWanted ? "closed" : "whole");
    },
    speak(t) {
      words = t;
      for (const made of drawings.values()) speak(made);
    },
    onOpen(again) {
      redraw = again;
    },
    /** For paper: the whole graph, and then what was seen before. */
    spread(isWanted) {
      if (isWanted) before = opened;
      see(isWanted ? "whole" : before);
    },
    write: (numbers) => fill(drawing, numbers),
    /** A picture of the whole graph with other numbers in it, and nothing lit. */
    copy(numbers) {
      const whole = drawingOf("whole");
      fill(whole, numbers);
      const svg = whole.svg.cloneNode(true);
      svg.removeAttribute("style");
      for (const e of svg.querySelectorAll(".partial, .turned, .mark")) e.remove();
      for (const e of svg.querySelectorAll("[id]")) e.removeAttribute("id");
      for (const e of svg.querySelectorAll("g g")) e.classList.remove("lit", "from", "to", "bad");
      redraw();
      return svg;
    },
  };
}
