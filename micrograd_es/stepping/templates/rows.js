// A picture that is too wide for paper, as rows below each other, cut where only edges pass.

import { placeIn } from "./drawing.js";

const MOST = 960; // wide, with words of 6 points on A4
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

/** From where to where rows reach, with the gap on both sides, so that it is seen in two. */
function reaches(boxes) {
  const columns = [];
  for (const { left, right } of [...boxes].sort((a, b) => a.left - b.left)) {
    const last = columns[columns.length - 1];
    if (!last || left - last.right > LEAST) columns.push({ left, right });
    else last.right = Math.max(last.right, right);
  }
  const rows = [];
  columns.forEach(({ left, right }, k) => {
    const to = columns[k + 1]?.left ?? right;
    const row = rows[rows.length - 1];
    if (row && to - row.from <= MOST) row.to = to;
    else rows.push({ from: columns[k - 1]?.right ?? left, to });
  });
  return rows;
}

/**
 * Moves what is in a wide picture into rows before it, as wide as words of 6 points on A4 allow,
 * and gives what moves it back.
 */
export function cutForPaper(svg) {
  const root = svg.querySelector("g");
  const parts = partsOf(svg);
  const [edges, boxes] = [true, false].map((isEdge) =>
    parts.filter(({ element }) => element.matches(".edge") === isEdge),
  );
  const rows = reaches(boxes);
  if (rows.length < 2) return () => {};
  const widest = Math.max(...rows.map(({ from, to }) => to - from));
  const added = rows.map(({ from, to }) => {
    const own = boxes.filter(({ left }) => from <= left && left < to);
    const crossing = edges.filter(({ left, right }) => left < to && from < right);
    const seen = [...own, ...crossing];
    const top = Math.min(...seen.map((part) => part.top)) - AROUND;
    const height = Math.max(...seen.map((part) => part.bottom)) + AROUND - top;
    const row = svg.cloneNode();
    const width = to - from + 2 * AROUND;
    row.setAttribute("viewBox", `${from - AROUND} ${top} ${width} ${height}`);
    row.setAttribute("width", width);
    row.setAttribute("height", height);
    row.style.setProperty("--share", `${(100 * width) / (widest + 2 * AROUND)}%`);
    row.classList.add("row");
    const group = root.cloneNode();
    group.append(
      ...own.map(({ element }) => element),
      ...crossing.map(({ element }) => element.cloneNode(true)),
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
