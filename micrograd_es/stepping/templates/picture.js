// The graph as it is seen: which drawing of it, its numbers, what is lit, and how much fits.

import { makeDrawing } from "./drawing.js";
import { makeFolding } from "./folding.js";
import { makeNearby } from "./nearby.js";
import { cutForPaper } from "./rows.js";

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function makePicture(canvas, data, choose) {
  const svg = canvas.querySelector("svg");
  const foldOf = new Map(data.folds.flatMap((fold, k) => fold.nodes.map((i) => [i, k])));
  const foldFrom = new Map(data.folds.map((fold, k) => [fold.output, k]));
  const chosen = new Set(); // the folds that were opened by a click
  let entered; // the one that a step is in
  let opened = []; // what is seen of both
  let lit = [];
  let words = () => "";
  let joinRows; // once they are printed
  let redraw = () => {}; // writes and lights what it did last

  const drawing = makeDrawing(data, {
    n: choose,
    f: (k) => {
      chosen.add(k);
      see();
    },
  });
  const closedId = (i) => {
    if (foldOf.has(i)) return `f${foldOf.get(i)}`;
    return drawing.nodes[i] ? `n${i}` : `c${i}`;
  };
  drawing.add(svg);
  const close = (k) => {
    chosen.delete(k);
    if (entered === k) entered = undefined;
    see();
  };
  const folding = data.folds.length ? makeFolding(svg, data, closedId, close) : null;
  const titles = new Map(); // of what has been open
  let nearby = makeNearby(canvas, svg);

  function speak(boxes) {
    for (const box of boxes) {
      if (box?.value) {
        put(box.valueCaption, words("value"));
        put(box.gradCaption, words("grad"));
      }
    }
    const language = document.documentElement.lang;
    data.folds.forEach(({ name }, k) => {
      put(drawing.folds[k].name, name[language]);
      if (titles.has(k)) put(titles.get(k), `▾ ${name[language]}`);
    });
  }
  function open(wanted) {
    if (wanted.join() === opened.join()) return;
    for (const k of wanted) {
      if (titles.has(k)) continue;
      const { group, name } = folding.inside(k);
      titles.set(k, name);
      speak(drawing.add(group));
    }
    folding.open(wanted);
    opened = wanted;
    nearby = makeNearby(canvas, svg);
    comfortable();
  }

  /** Opens what was chosen and what a step is in. */
  function arrange() {
    open([...new Set(entered === undefined ? chosen : [...chosen, entered])]);
  }

  function see() {
    arrange();
    redraw();
  }

  function fill(numbers) {
    numbers.forEach(({ value, grad, isBad = false }, i) => {
      const now = `${value} ${grad} ${isBad}`;
      for (const box of [drawing.nodes[i], drawing.folds[foldFrom.get(i)]]) {
        if (!box || box.now === now) continue; // most boxes, at most steps
        box.now = now;
        put(box.value, value);
        put(box.gradient, grad);
        box.group.classList.toggle("bad", isBad);
      }
    });
  }

  const boxOf = (i) => {
    const fold = foldOf.get(i);
    return fold === undefined || opened.includes(fold) ? drawing.nodes[i] : drawing.folds[fold];
  };
  const idOf = (i) => boxOf(i)?.id ?? `c${i}`;

  /** The parts of the way from an operand to its node: out of a fold, to another, and in it. */
  const edges = (node, parent, index) => [
    `q${parent}`,
    `${closedId(parent)}_${closedId(node)}`,
    `e${node}_${index}`,
  ];

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
    if (f.why === "flat" || f.why === "corner") return "·0";
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
  let own = false; // whether it was chosen
  const unit = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  const size = () => svg.viewBox.baseVal;
  const fitting = (high = canvas.clientHeight - 24) =>
    Math.min((canvas.clientWidth - 24) / size().width, high / size().height);

  function scale(factor, isOwn = own) {
    own = isOwn;
    zoom = Math.min(8, Math.max(0.1, factor));
    svg.style.width = `${size().width * zoom}px`;
    svg.style.height = `${size().height * zoom}px`;
    nearby(zoom);
  }
  canvas.onscroll = () => nearby(zoom);

  // what can be read whole fills the place, and is given the height for it; a larger graph is
  // followed, at a size that the last row reads. Its smallest words have 11 pixels, or on a laptop
  // a few less if that shows it whole. A size that was chosen stays.
  function comfortable() {
    if (own) return scale(zoom);
    const enough = innerWidth < 1200 ? 1 : 0.75 * unit();
    const { style, clientHeight } = canvas.closest("main");
    const whole = fitting(clientHeight - 320 * unit()); // beside a step of 15 rem
    style.setProperty("--high", `${whole < enough ? 0 : size().height * Math.max(1, enough)}px`);
    scale(
      fitting() < enough
        ? (innerWidth <= 900 ? 1 : 1.2) * unit()
        : Math.min(1.8 * unit(), fitting()),
    );
  }

  let seen = "";
  new ResizeObserver(() => {
    const now = `${canvas.offsetWidth} ${canvas.offsetHeight}`;
    if (now === seen || matchMedia("print").matches) return;
    seen = now;
    comfortable();
    follow();
  }).observe(canvas);
  comfortable();

  return {
    light,
    follow,
    fit: () => scale(fitting(), true),
    zoom: (factor) => scale(zoom * factor, true),
    /** Opens the fold that a node is in. */
    reach(node) {
      entered = foldOf.get(node) ?? entered;
      arrange();
    },
    fold(isWanted) {
      chosen.clear();
      entered = undefined;
      if (!isWanted) for (const k of data.folds.keys()) chosen.add(k);
      see();
    },
    speak(t) {
      words = t;
      speak([...drawing.nodes, ...drawing.folds]);
    },
    onOpen(again) {
      redraw = again;
    },
    /** For paper: the whole graph, and then what was seen before. */
    spread(isWanted) {
      joinRows?.();
      joinRows = null;
      if (isWanted) open([...data.folds.keys()]);
      else arrange();
      redraw();
      if (isWanted) joinRows = cutForPaper(svg);
      else {
        nearby = makeNearby(canvas, svg);
        nearby(zoom);
        follow();
      }
    },
    write: fill,
    /** A picture of the whole graph with other numbers in it, and nothing lit. */
    copy(numbers) {
      open([...data.folds.keys()]);
      fill(numbers);
      const copied = svg.cloneNode(true);
      copied.removeAttribute("style");
      for (const e of copied.querySelectorAll(".partial, .turned, .mark")) e.remove();
      for (const e of copied.querySelectorAll("[id]")) e.removeAttribute("id");
      for (const e of copied.querySelectorAll("g g"))
        e.classList.remove("lit", "from", "to", "bad");
      see();
      return copied;
    },
  };
}
