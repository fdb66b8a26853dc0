"use strict";
// The formulas of a step as MathML, by the kind of its frame: symbols, numbers put in, result.
const makeFormulas = (data, frames) => {
  const MATH = "http://www.w3.org/1998/Math/MathML";
  const math = (tag, ...children) => {
    const element = document.createElementNS(MATH, tag);
    element.append(...children);
    return element;
  };
  const stored = (name) => {
    const template = document.getElementById(`formula-${data.formulas[name]}`);
    return template ? math("mrow", ...template.content.cloneNode(true).querySelector("math").childNodes) : null;
  };
  const symbol = (i) => stored(`name-${i}`);
  const sign = (text) => math("mo", text);
  const derivative = (of, by) =>
    math("mfrac", math("mrow", math("mi", "∂"), symbol(of)), math("mrow", math("mi", "∂"), symbol(by)));
  const plain = (text) => {
    const row = math("mrow");
    if (text.startsWith("−")) row.append(sign("−"));
    const [, digits, exponent] = text.match(/^−?(.*?)(?:e(.*))?$/);
    row.append(math("mn", digits));
    if (exponent) row.append(sign("·"), math("msup", math("mn", "10"), plain(exponent)));
    return row;
  };
  const inParentheses = (text) =>
    text.startsWith("−") ? math("mrow", sign("("), plain(text), sign(")")) : plain(text);
  const marked = (element, kind) => {
    element.setAttribute("class", kind);
    return element;
  };
  const line = (...parts) => {
    const element = math("math", ...parts), paragraph = document.createElement("div");
    element.setAttribute("displaystyle", "true");
    paragraph.append(element);
    return paragraph;
  };

  // symbolic, then with numbers put in, where that is not the result already
  const distinct = (ids, result) => {
    const key = (text) => text.replaceAll("−", "-");
    const seen = new Set([key(result)]);
    return ids.map(stored).filter((e) => e && !seen.has(key(e.textContent)) && seen.add(key(e.textContent)));
  };

  // the only product that arrives at its node is the gradient; of several, one is a term
  const alone = (f) => frames().every((g) => g.parent !== f.parent || g.index === f.index && g.node === f.node);

  return {
    start: () => [],
    none: (f) => (f.why === "flat" ? [line(derivative(f.node, f.parent), sign("="), plain("0"))] : []),
    seed: () => [line(derivative(data.root, data.root), sign("="), marked(plain("1"), "gradient"))],
    forward: (f) => {
      const result = data.nodes[f.node].value;
      const lines = distinct([`forward-${f.node}`, `numbers-${f.node}`], result).map((e) => [e]);
      lines.push([marked(plain(result), "value")]);
      return lines.map((parts, k) => line(...(k ? [] : [symbol(f.node)]), sign("="), ...parts));
    },
    product: (f, hidden) => {
      const upstream = () => marked(inParentheses(f.upstream[0]), "gradient");
      const edge = `${f.node}-${f.index}`, partial = inParentheses(f.partial[0]);
      return [
        line(...(alone(f) ? [derivative(data.root, f.parent), sign("=")] : []),
          derivative(data.root, f.node), sign("·"), derivative(f.node, f.parent)),
        ...[...distinct([`partial-${edge}`, `inserted-${edge}`], partial.textContent), partial]
          .map((factor) => line(sign("="), upstream(), sign("·"), factor)),
        line(sign("="), hidden ? math("mn", "?") : marked(plain(f.result[0]), "gradient")),
      ];
    },
    sum: (f, hidden) => [
      line(derivative(data.root, f.parent), sign("="), plain(f.before[0]), sign("+"), inParentheses(f.contribution[0])),
      line(sign("="), hidden ? math("mn", "?") : marked(plain(f.result[0]), "gradient")),
    ],
  };
};
