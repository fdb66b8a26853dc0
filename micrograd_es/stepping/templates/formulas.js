// The formulas of a step as MathML, by the kind of its frame: symbols, numbers put in, result.

const MATH = "http://www.w3.org/1998/Math/MathML";

function math(tag, ...children) {
  const element = document.createElementNS(MATH, tag);
  element.append(...children);
  return element;
}

const sign = (text) => math("mo", text);

/** A number as Python wrote it: its minus is a sign, and its exponent a power of ten. */
function plain(text) {
  const row = math("mrow");
  if (text.startsWith("−")) row.append(sign("−"));
  const [, digits, exponent] = text.match(/^−?(.*?)(?:e(.*))?$/);
  row.append(math("mn", digits));
  if (exponent) row.append(sign("·"), math("msup", math("mn", "10"), plain(exponent)));
  return row;
}

const inParentheses = (text) =>
  text.startsWith("−") ? math("mrow", sign("("), plain(text), sign(")")) : plain(text);

function coloured(element, kind) {
  element.setAttribute("class", kind);
  return element;
}

function line(...parts) {
  const element = math("math", ...parts);
  const paragraph = document.createElement("div");
  element.setAttribute("displaystyle", "true");
  paragraph.append(element);
  return paragraph;
}

export function makeFormulas(data, frames, which) {
  const stored = (name) => {
    const template = document.getElementById(`formula-${data.formulas[name]}`);
    if (!template) return null;
    return math("mrow", ...template.content.cloneNode(true).querySelector("math").childNodes);
  };
  const symbol = (i) => stored(`name-${i}`);
  const derivative = (of, by) =>
    math("mfrac", ...[of, by].map((i) => math("mrow", math("mi", "∂"), stored(`by-${i}`))));

  // what a pass finds at a node: the derivative of the end by it, or ahead, its own by the start
  const found = (i) => (data.ahead ? derivative(i, data.start) : derivative(data.root, i));

  const partial = (f) => {
    const quotient = derivative(f.node, f.parent);
    if (!f.which) return quotient;
    return math("mrow", quotient, math("mtext", which(f).replace(" ", "\u00a0")));
  };

  // symbolic, then with numbers put in, where that is not the result already
  const distinct = (ids, ...known) => {
    const key = (text) => text.replaceAll("−", "-");
    const seen = new Set(known.map(key));
    return ids.map(stored).filter((element) => {
      if (!element || seen.has(key(element.textContent))) return false;
      seen.add(key(element.textContent));
      return true;
    });
  };

  // the only product that arrives at its node is the gradient; of several, one is a term
  const alone = (f) =>
    frames().every((g) => g.to !== f.to || (g.index === f.index && g.node === f.node));

  const answer = (f, asked) =>
    line(sign("="), asked ? math("mn", "?") : coloured(plain(f.result[0]), "gradient"));

  return {
    symbol: (i) => math("math", symbol(i)),
    start: () => [],
    none: (f) => {
      if (f.why !== "flat" && f.why !== "corner") return [];
      return [line(partial(f), sign("="), plain("0"))];
    },
    seed: () => [line(found(data.start), sign("="), coloured(plain("1"), "gradient"))],
    forward: (f) => {
      const result = data.nodes[f.node].value;
      const name = symbol(f.node);
      const sides = distinct([`forward-${f.node}`, `numbers-${f.node}`], result, name.textContent);
      return [...sides, coloured(plain(result), "value")].map((side, k) =>
        line(...(k ? [] : [name]), sign("="), side),
      );
    },
    product: (f, asked) => {
      const edge = `${f.node}-${f.index}`;
      const rule = line(
        ...(alone(f) ? [found(f.to), sign("=")] : []),
        found(f.from),
        sign("·"),
        partial(f),
      );
      if (asked === "partial") {
        const name = symbol(f.node);
        const made = distinct([`forward-${f.node}`], name.textContent);
        return [
          rule,
          ...made.map((side) => line(name, sign("="), side)),
          line(partial(f), sign("="), math("mn", "?")),
        ];
      }
      const number = inParentheses(f.partial[0]);
      const factors = distinct([`partial-${edge}`, `inserted-${edge}`], number.textContent);
      const upstream = () => coloured(inParentheses(f.upstream[0]), "gradient");
      return [
        rule,
        ...[...factors, number].map((factor) => line(sign("="), upstream(), sign("·"), factor)),
        answer(f, asked),
      ];
    },
    sum: (f, asked) => [
      line(found(f.to), sign("="), plain(f.before[0]), sign("+"), inParentheses(f.contribution[0])),
      answer(f, asked),
    ],
  };
}
