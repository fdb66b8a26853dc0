// The drawing: its numbers, what is lit, and how much of it is seen.

export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Where a shape lies, out of its text: a frame that is hidden as yet has no layout to ask. */
function extent(shape) {
  const text = shape.getAttribute(shape.matches("path") ? "d" : "points");
  const numbers = text.match(/-?[\d.]+/g).map(Number);
  const xs = numbers.filter((_, k) => k % 2 === 0);
  const ys = numbers.filter((_, k) => k % 2 === 1);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys) };
}

const middle = ({ left, right }) => (left + right) / 2;

export function makePicture(canvas, data, choose) {
  const svg = canvas.querySelector("svg");
  const part = (id) => svg.querySelector(`[id="${id}"]`);
  const parts = data.nodes.map((_, i) => {
    const group = part(`n${i}`);
    if (!group) return null;
    const [dataCaption, gradCaption, value, gradient] = [...group.querySelectorAll("text")].slice(
      -4,
    );
    dataCaption.dataset.text = "value";
    gradCaption.dataset.text = "grad";
    for (const text of [value, gradient]) {
      text.setAttribute("text-anchor", "middle");
      text.setAttribute("x", middle(extent(text.previousElementSibling)));
    }
    group.classList.add("box");
    const box = extent(group.querySelector("path"));
    writeAbove(group, "✗", box.right, box.top);
    group.addEventListener("click", () => choose(i));
    return { group, value, gradient };
  });

  // the mark of a wrong gradient, seen only in the wrong order
  function writeAbove(group, text, x, top) {
    const element = document.createElementNS(svg.namespaceURI, "text");
    element.textContent = text;
    element.setAttribute("class", "mark");
    element.setAttribute("x", x);
    element.setAttribute("y", top - 2);
    group.prepend(element);
  }

  function light(f) {
    for (const element of svg.querySelectorAll(".lit, .from, .to")) {
      element.classList.remove("lit", "from", "to");
    }
    const mark = (id, kind) => part(id)?.classList.add(kind);
    if (f.kind === "forward") {
      data.nodes[f.node].parents.forEach((p, j) => {
        mark(`e${f.node}_${j}`, "lit");
        mark(`n${p}`, "from");
        mark(`c${p}`, "from");
      });
      mark(`n${f.node}`, "to");
    } else if (f.kind === "seed") {
      mark(`n${data.root}`, "to");
    } else if (f.parent !== undefined) {
      mark(`e${f.node}_${f.index}`, "lit");
      mark(`n${f.node}`, "from");
      mark(`n${f.parent}`, "to");
    }
    if (f.node !== undefined) {
      mark(`o${f.node}`, "lit");
      mark(`r${f.node}`, "lit");
    }
    if (svg.querySelector(".to")) follow();
  }

  // scrolls as little as shows all that is lit, and a margin around it; the node that the
  // step ends at, where there is no room for all
  function follow() {
    const view = canvas.getBoundingClientRect();
    const margin = 24;
    const span = (kind, low, high) => {
      const boxes = [...svg.querySelectorAll(kind)].map((e) => e.getBoundingClientRect());
      return [
        Math.min(...boxes.map((b) => b[low])) - margin,
        Math.max(...boxes.map((b) => b[high])) + margin,
      ];
    };
    const shift = (low, high) => {
      let [from, to] = span(".from, .to", low, high);
      if (to - from > view[high] - view[low]) [from, to] = span(".to", low, high);
      if (from < view[low]) return from - view[low];
      return Math.max(0, Math.min(to - view[high], from - view[low]));
    };
    const left = shift("left", "right");
    const top = shift("top", "bottom");
    if (left || top) canvas.scrollBy({ left, top });
  }

  const size = svg.viewBox.baseVal;
  let zoom = 1;
  const fitting = () =>
    Math.min((canvas.clientWidth - 24) / size.width, (canvas.clientHeight - 24) / size.height);
  function scale(factor) {
    zoom = Math.min(4, Math.max(0.1, factor));
    svg.style.width = `${size.width * zoom}px`;
    svg.style.height = `${size.height * zoom}px`;
  }
  // small graphs fill the place; large ones are followed, at a size that the last row reads
  function comfortable() {
    const large = innerWidth < 600 ? 1 : 1.2;
    scale(fitting() < 1 ? large : Math.min(1.8, fitting()));
  }
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
}
