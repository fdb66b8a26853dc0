// What of a large graph is near the view: the rest is not painted, as it would be at every step.

import { placeIn } from "./drawing.js";

/** A function to call whenever the view has moved or changed its size. */
export function makeNearby(canvas, svg) {
  let parts = null;
  let drawn = null; // as much again on each side of what the view was

  return (zoom) => {
    const axes = [
      ["left", "right", canvas.scrollLeft, canvas.clientWidth],
      ["top", "bottom", canvas.scrollTop, canvas.clientHeight],
    ];
    const view = axes.map(([low, high, scrolled, size]) => {
      const from = scrolled / zoom;
      return { low, high, from, to: from + size / zoom };
    });
    if (drawn?.every(({ from, to }, i) => from <= view[i].from && view[i].to <= to)) return;
    drawn = view.map(({ low, high, from, to }) => {
      return { low, high, from: from - (to - from), to: to + (to - from) };
    });
    parts ??= [...svg.querySelectorAll("g.node, g.edge")].map((e) => [e, placeIn(svg, e)]);
    for (const [group, place] of parts) {
      const isFar = drawn.some(({ low, high, from, to }) => place[high] < from || to < place[low]);
      group.classList.toggle("far", isFar);
    }
  };
}
