// A picture that is too wide for paper, as rows below each other, cut where only edges pass.

import { placeIn } from "./drawing.js";

const [WIDEST, HIGHEST] = [960, 1100]; // with words of 6 points on A4
const LEAST = 6; // wide is a gap
const HALF = 14; // of a circle or a text, of which a place is a point
const AROUND = 3;

/** What has a place, as far as it reaches. */
function partsOf(svg) {
  const root = svg.querySelector("g");
  return [...root.querySelectorAll(":scope > g, :scope > text")].map((element) => {
    const { left, right, top, bottom } = placeIn(svg, element);
    const half = left === right ? HALF : 0;
    return {
      element,
      left: left - half,
      right: right + half,
      top: top - half,
      bottom: bottom + half,
    };
  });
}

/** Stretches of one axis, at most this long; each with the gaps on both its sides. */
function stretches(boxes, low, high, most) {
  const columns = [];
  for (const box of [...boxes].sort((a, b) => a[low] - b[low])) {
    const last = columns[columns.length - 1];
    if (!last || box[low] - last.to > LEAST) columns.push({ from: box[low], to: box[high] });
    else last.to = Math.max(last.to, box[high]);
  }
  const result = [];
  columns.forEach(({ from, to }, k) => {
    const end = columns[k + 1]?.from ?? to;
    const last = result[result.length - 1];
    if (last && end - last.from <= most) last.to = end;
    else result.push({ from: columns[k - 1]?.to ?? from, to: end });
  });
  return result;
}

/** What is seen in each row: from where to where, and its boxes. */
function rowsOf(boxes, edges) {
  return stretches(boxes, "left", "right", WIDEST).flatMap(({ from: left, to: right }) => {
    const own = boxes.filter((box) => left <= box.left && box.left < right);
    const within = edges.filter((edge) => left <= edge.left && edge.right <= right);
    const rows = stretches(own, "top", "bottom", HIGHEST).map(({ from: top, to: bottom }) => {
      const inside = own.filter((box) => top <= box.top && box.top < bottom);
      return { left, right, top, bottom, inside };
    });
    const last = rows[rows.length - 1];
    rows[0].top = Math.min(rows[0].top, ...within.map((edge) => edge.top));
    last.bottom = Math.max(last.bottom, ...within.map((edge) => edge.bottom));
    return rows;
  });
}

/**
 * Moves what is in a wide picture into rows before it, as wide as words of 6 points on A4 allow,
 * and gives what moves it back; of one that is narrow enough, null.
 */
export function cutForPaper(svg) {
  const root = svg.querySelector("g");
  const parts = partsOf(svg);
  const [edges, boxes] = [true, false].map((isEdge) =>
    parts.filter(({ element }) => element.matches(".edge") === isEdge),
  );
  const rows = rowsOf(boxes, edges);
  if (rows.length < 2) return null;
  const added = rows.map(({ left, right, top, bottom, inside }) => {
    const row = svg.cloneNode();
    const [width, height] = [right - left, bottom - top].map((size) => size + 2 * AROUND);
    row.setAttribute("viewBox", `${left - AROUND} ${top - AROUND} ${width} ${height}`);
    row.setAttribute("width", width);
    row.setAttribute("height", height);
    row.style.width = `${(100 * width) / (WIDEST + 2 * AROUND)}%`;
    row.classList.add("row");
    const seen = edges.filter(
      (edge) => edge.left < right && left < edge.right && edge.top <= bottom && top <= edge.bottom,
    );
    const group = root.cloneNode();
    group.append(
      ...inside.map(({ element }) => element),
      ...seen.map(({ element }) => element.cloneNode(true)),
    );
    row.append(group);
    svg.before(row);
    return row;
  });
  svg.toggleAttribute("hidden", true);
  return () => {
    root.replaceChildren(...parts.map(({ element }) => element));
    for (const row of added) row.remove();
    svg.toggleAttribute("hidden", false);
  };
}
