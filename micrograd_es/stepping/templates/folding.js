// Folds that are open: what is inside them in their places, and the rest further apart.

import { made, placeOf, points } from "./drawing.js";

const TITLE = 30; // how high the name above an inside is
const MARGIN = 6;

/** A map of an axis that keeps all distances, but makes room between some pairs of places. */
function stretched(rooms) {
  const stops = [...new Set(rooms.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  const at = new Map();
  stops.forEach((stop, k) => {
    const before = k ? stops[k - 1] : stop;
    const ends = rooms.filter(({ to }) => to === stop);
    const needed = ends.map(({ from, room }) => at.get(from) + room);
    at.set(stop, Math.max((at.get(before) ?? stop) + stop - before, ...needed));
  });
  return (x) => {
    const k = stops.findIndex((stop) => x < stop);
    const before = stops[k < 0 ? stops.length - 1 : k - 1];
    if (before === undefined) return x;
    if (k < 0) return x - before + at.get(before);
    const share = (x - before) / (stops[k] - before);
    return at.get(before) + share * (at.get(stops[k]) - at.get(before));
  };
}

/** The inside of a fold in a frame, below a name that closes it. */
function framed(k, close) {
  const { content } = document.getElementById(`inside-${k}`);
  const svg = document.importNode(content, true).firstElementChild;
  const inside = svg.querySelector("g");
  const { width, height } = svg.viewBox.baseVal;
  const size = [width + 2 * MARGIN, height + TITLE + MARGIN];
  const [, x, y] = inside.getAttribute("transform").match(/translate\((\S+) (\S+)\)/);
  const [dx, dy] = [Number(x) + MARGIN, Number(y) + TITLE];
  inside.setAttribute("transform", `translate(${dx} ${dy})`);
  const name = made("text", { class: "name", x: size[0] / 2, y: 20 });
  name.onclick = close;
  const group = made("g", { class: "cluster" });
  group.append(made("rect", { width: size[0], height: size[1], rx: 8 }), name, inside);
  const port = (id) => {
    const { left, top } = placeOf(inside.querySelector(`[id="${id}"]`));
    return [left + dx, top + dy];
  };
  return { group, size, name, port };
}

/** The end of a line and the corners of its head, seen from the tip, once it comes in this way. */
function turnedTo(head, end, [x, y]) {
  const [tipX, tipY] = head[1];
  const [wasX, wasY] = [tipX - end[0], tipY - end[1]];
  const length = Math.hypot(wasX, wasY) * Math.hypot(x, y) || 1;
  const [cos, sin] = [(wasX * x + wasY * y) / length, (wasX * y - wasY * x) / length];
  return [end, ...head].map(([px, py]) => {
    const [dx, dy] = [px - tipX, py - tipY];
    return [cos * dx - sin * dy, sin * dx + cos * dy];
  });
}

/** Opens and closes the folds of a picture: `idOf` is what a node is called where all are closed. */
export function makeFolding(svg, data, idOf, close) {
  const root = svg.querySelector("g");
  const { width, height } = svg.viewBox.baseVal;
  const groups = new Map([...root.querySelectorAll("g.node")].map((e) => [e.id, e]));
  const places = new Map([...groups].map(([id, group]) => [id, placeOf(group)]));
  const edges = [...root.querySelectorAll("g.edge")].map((group) => {
    const [path, head] = ["path", "polygon"].map((tag) => group.querySelector(tag));
    return { group, path, head, way: points(path), tip: points(head), ends: endsOf(group.id) };
  });
  const insides = new Map();
  let opened = [];

  function endsOf(id) {
    const [, kind, node, index] = id.match(/^([re])(\d+)(?:_(\d+))?$/) ?? [];
    if (kind === "r") return [`o${node}`, `n${node}`];
    return kind ? [idOf(data.nodes[node].parents[index]), `o${node}`] : id.split("_");
  }

  function arrange() {
    const frames = new Map(opened.map((k) => [`f${k}`, insides.get(k)]));
    const axis = (low, high, i) =>
      stretched(
        [...frames].map(([id, { size }]) => {
          const place = places.get(id);
          return { from: place[low], to: place[high], room: size[i] };
        }),
      );
    const [across, down] = [axis("left", "right", 0), axis("top", "bottom", 1)];
    const shifts = new Map();
    for (const [id, group] of groups) {
      const { left, right, top, bottom } = places.get(id);
      const middle = [across(left) + across(right), down(top) + down(bottom)].map((x) => x / 2);
      const frame = frames.get(id);
      if (frame) {
        frame.corner = middle.map((x, i) => x - frame.size[i] / 2);
        frame.group.setAttribute("transform", `translate(${frame.corner})`);
      } else {
        const shift = [middle[0] - (left + right) / 2, middle[1] - (top + bottom) / 2];
        group.setAttribute("transform", `translate(${shift})`);
        shifts.set(id, shift);
      }
    }
    const plus = (a, b) => [a[0] + b[0], a[1] + b[1]];
    const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
    const shiftOf = (id, port, point) => {
      const frame = frames.get(id);
      return frame ? minus(plus(frame.port(port), frame.corner), point) : shifts.get(id);
    };
    for (const { group, path, head, way, tip, ends } of edges) {
      const first = shiftOf(ends[0], `out${ends[0].slice(1)}`, way[0]);
      const last = shiftOf(ends[1], `at_${group.id}`, tip[1]);
      // straight to a box in the middle of a column that is wider now, so as to cross nothing
      // there; and in and out of a frame at its sides, also where a box was left at its top
      const [from, to] = ends.map((id) => frames.get(id));
      const [least, most] = [from ? from.corner[0] + from.size[0] : 0, to?.corner[0] ?? Infinity];
      const moved = way.map(([x, y], k) => {
        if (k < 2) return [Math.max(across(x), least), y + first[1]];
        if (k < way.length - 2) return [across(x), down(y)];
        return [Math.min(across(x), most), y + last[1]];
      });
      const start = plus(way[0], first);
      const goal = plus(tip[1], last);
      const turned = turnedTo(tip, way[way.length - 1], minus(goal, moved[moved.length - 1]));
      const [end, ...corners] = turned.map((point) => plus(point, goal));
      moved.unshift(start, moved[0], moved[0]);
      moved.push(moved[moved.length - 1], end, end);
      path.setAttribute("d", `M${moved[0]}C${moved.slice(1).join(" ")}`);
      head.setAttribute("points", corners.join(" "));
      for (const e of group.querySelectorAll(".turned")) e.remove();
    }
    const far = 1e6;
    const size = [width + across(far) - far, height + down(far) - far];
    svg.setAttribute("viewBox", `0 0 ${size.join(" ")}`);
    svg.setAttribute("width", `${size[0]}pt`);
    svg.setAttribute("height", `${size[1]}pt`);
  }

  return {
    /** The inside of a fold, made when it is first asked for. */
    inside(k) {
      if (!insides.has(k))
        insides.set(
          k,
          framed(k, () => close(k)),
        );
      return insides.get(k);
    },
    /** Opens these folds and no others. */
    open(wanted) {
      for (const k of opened) insides.get(k).group.replaceWith(groups.get(`f${k}`));
      for (const k of wanted) groups.get(`f${k}`).replaceWith(insides.get(k).group);
      opened = wanted;
      arrange();
    },
  };
}
