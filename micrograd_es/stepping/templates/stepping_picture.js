"use strict";
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

// The drawing: its numbers, what is lit, and how much of it is seen.
const makePicture = (canvas, data, choose) => {
  const svg = canvas.querySelector("svg");
  const part = (id) => svg.querySelector(`[id="${id}"]`);
  // out of the drawing's text: a frame that is hidden as yet has no layout to ask
  const extent = (shape) => {
    const numbers = shape.getAttribute(shape.matches("path") ? "d" : "points").match(/-?[\d.]+/g).map(Number);
    const xs = numbers.filter((_, k) => k % 2 === 0), ys = numbers.filter((_, k) => k % 2 === 1);
    return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys) };
  };
  const middle = ({ left, right }) => (left + right) / 2;
  const parts = data.nodes.map((node, i) => {
    const group = part(`n${i}`);
    if (!group) return null;
    const [dataCaption, gradCaption, value, gradient] = [...group.querySelectorAll("text")].slice(-4);
    dataCaption.dataset.text = "data";
    gradCaption.dataset.text = "grad";
    for (const text of [value, gradient]) {
      text.setAttribute("text-anchor", "middle");
      text.setAttribute("x", middle(extent(text.previousElementSibling)));
    }
    group.classList.add("box");
    const box = extent(group.querySelector("path"));
    if (!node.labelled) above(group, "name", node.name, middle(box), box.top);
    above(group, "mark", "✗", box.right, box.top);
    group.addEventListener("click", () => choose(i));
    return { group, value, gradient };
  });

  // a node without a label bears above it the name that the formulas give it;
  // the mark of a wrong gradient is seen only in the wrong order
  function above(group, kind, text, x, top) {
    const element = document.createElementNS(svg.namespaceURI, "text");
    element.textContent = text;
    element.setAttribute("class", kind);
    element.setAttribute("x", x);
    element.setAttribute("y", top - 2);
    group.prepend(element);
  }

  function light(f) {
    svg.querySelectorAll(".lit, .from, .to").forEach((e) => e.classList.remove("lit", "from", "to"));
    const lit = (id, kind = "lit") => part(id)?.classList.add(kind);
    if (f.kind === "forward") {
      data.nodes[f.node].parents.forEach((p, j) => { lit(`e${f.node}_${j}`); lit(`n${p}`, "from"); });
      lit(`r${f.node}`); lit(`o${f.node}`); lit(`n${f.node}`, "to");
    } else if (f.kind === "seed") {
      lit(`n${data.root}`, "to");
    } else if (f.parent !== undefined) {
      lit(`e${f.node}_${f.index}`); lit(`r${f.node}`); lit(`o${f.node}`);
      lit(`n${f.node}`, "from"); lit(`n${f.parent}`, "to");
    }
    if (svg.querySelector(".to")) follow();
  }

  // scrolls as little as shows all that is lit, and a margin around it; the node that the
  // step ends at, where there is no room for all
  function follow() {
    const view = canvas.getBoundingClientRect(), margin = 24;
    const span = (kind, low, high) => {
      const boxes = [...svg.querySelectorAll(kind)].map((e) => e.getBoundingClientRect());
      return [Math.min(...boxes.map((b) => b[low])) - margin, Math.max(...boxes.map((b) => b[high])) + margin];
    };
    const shift = (low, high) => {
      let [from, to] = span(".from, .to", low, high);
      if (to - from > view[high] - view[low]) [from, to] = span(".to", low, high);
      return from < view[low] ? from - view[low] : Math.max(0, Math.min(to - view[high], from - view[low]));
    };
    const left = shift("left", "right"), top = shift("top", "bottom");
    if (left || top) canvas.scrollBy({ left, top });
  }

  const size = svg.viewBox.baseVal;
  let zoom = 1;
  const fitting = () => Math.min((canvas.clientWidth - 24) / size.width, (canvas.clientHeight - 24) / size.height);
  function scale(factor) {
    zoom = Math.min(4, Math.max(0.1, factor));
    svg.style.width = `${size.width * zoom}px`;
    svg.style.height = `${size.height * zoom}px`;
  }
  // small graphs fill the place; large ones are followed, at a size that the last row reads
  const comfortable = () => scale(fitting() < 1 ? (innerWidth < 600 ? 1 : 1.2) : Math.min(1.8, fitting()));
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) comfortable(); // a phone's bars change the height as one scrolls
    width = innerWidth;
  });
  comfortable();

  return {
    light,
    zoom: (factor) => scale(zoom * factor),
    fit: () => scale(fitting()),
    write(i, value, gradient, bad) {
      if (!parts[i]) return;
      put(parts[i].value, value);
      put(parts[i].gradient, gradient);
      parts[i].group.classList.toggle("bad", bad);
    },
  };
};
