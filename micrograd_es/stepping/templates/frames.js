// What is known after each frame of a pass, and where a gradient is complete.

const changed = (list, i, value) => list.map((old, k) => (k === i ? value : old));

/** After each frame: which nodes have their value, and the gradients as far as they have come. */
export function knownAfter(frames, data, valuesAreKnown) {
  let values = data.nodes.map((node) => node.leaf || valuesAreKnown);
  let grads = data.nodes.map(() => null);
  return frames.map((f) => {
    if (f.kind === "forward") values = changed(values, f.node, true);
    if (f.kind === "seed") {
      if (data.ahead) grads = data.nodes.map((node) => (node.leaf ? "0" : null));
      grads = changed(grads, data.start, "1");
    }
    if (f.kind === "sum" || f.arrives) grads = changed(grads, f.to, f.result?.[0] ?? "0");
    return { values, grads };
  });
}

/** The frame of each node after which nothing more arrives at it. */
export function completions(frames, data) {
  return data.nodes.map((_, i) => {
    const last = frames.findLastIndex((f) => f.to === i);
    return last < 0 ? frames.findIndex((f) => f.kind === "seed") : last;
  });
}
