"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const canvas = $("canvas"), svg = canvas.querySelector("svg");
  const rows = new Map([...document.querySelectorAll("tr[data-node]")].map((r) => [+r.dataset.node, r]));
  const standalone = location.protocol !== "about:"; // not inside a notebook's frame

  let language = document.documentElement.lang;
  let order = "right";
  let place = 0;
  let predicting = false;
  let timer = null;
  let remembering = null;
  let revealed = new Set();

  const t = (key, values = {}) =>
    data.texts[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  // the same, the names of nodes in bold: "a" is a word in Spanish
  const phrase = (key, values) =>
    data.texts[language][key].split(/(\{\w+\})/).map((part) => {
      const value = values[part.slice(1, -1)] ?? part;
      if (!/^\{(node|parent|root)\}$/.test(part)) return value;
      const bold = document.createElement("b");
      bold.textContent = value;
      return bold;
    });
  const frames = () => data[order];
  const frame = () => frames()[place];
  const name = (i) => data.nodes[i].name;

  // -- what is known after each frame ------------------------------------------

  const states = {};
  for (const which of ["right", "wrong"]) {
    if (!data[which]) continue;
    let known = { values: data.nodes.map((n) => n.leaf || which === "wrong"), grads: data.nodes.map(() => null) };
    states[which] = data[which].map((f) => {
      known = { values: known.values, grads: known.grads };
      if (f.kind === "forward") known.values = known.values.with(f.node, true);
      if (f.kind === "seed") known.grads = known.grads.with(data.root, "1");
      if (f.kind === "sum" || f.arrives) known.grads = known.grads.with(f.parent, f.result[0]);
      return known;
    });
  }

  // the frame after which nothing more arrives at a node
  const finals = {};
  for (const which of Object.keys(states)) {
    finals[which] = data.nodes.map((_, i) => {
      const k = data[which].findLastIndex((f) => f.parent === i);
      return k < 0 ? data[which].findIndex((f) => f.kind === "seed") : k;
    });
  }

  // -- formulas --------------------------------------------------------------------

  const MATH = "http://www.w3.org/1998/Math/MathML";
  const math = (tag, ...children) => {
    const element = document.createElementNS(MATH, tag);
    element.append(...children);
    return element;
  };
  const stored = (name) => {
    const template = $(`formula-${data.formulas[name]}`);
    return template ? math("mrow", ...template.content.cloneNode(true).querySelector("math").childNodes) : null;
  };
  const symbol = (i) => stored(`name-${i}`);
  const sign = (text) => math("mo", text);
  const derivative = (of, by) =>
    math("mfrac", math("mrow", math("mi", "∂"), symbol(of)), math("mrow", math("mi", "∂"), symbol(by)));
  const plain = (text) => {
    const row = math("mrow");
    if (text.startsWith("−")) row.append(sign("−"));
    row.append(math("mn", text.replace("−", "")));
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

  const formulas = {
    start: () => [],
    none: (f) => [line(derivative(f.node, f.parent), sign("="), plain("0"))],
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

  // -- showing a frame ----------------------------------------------------------------

  const asked = (f) => predicting && (f.kind === "product" || f.kind === "sum") && !revealed.has(place);

  function words(f) {
    const texts = {};
    for (const key of ["upstream", "partial", "result", "before", "contribution"]) if (f[key]) texts[key] = f[key][0];
    if (f.node !== undefined) Object.assign(texts, { node: name(f.node), value: data.nodes[f.node].value });
    if (f.parent !== undefined) texts.parent = name(f.parent);
    if (f.node !== undefined) texts.right = data.nodes[f.node].grad;
    const enclosed = (text) => (text?.startsWith("−") ? `(${text})` : text);
    return Object.assign(texts, { root: name(data.root), factor: enclosed(texts.partial), term: enclosed(texts.contribution) });
  }

  function show() {
    const f = frame(), hidden = asked(f), isWrong = order === "wrong";
    const known = states[order][hidden ? place - 1 : place];
    const values = words(f);
    document.body.className = `${f.kind} ${order}`;
    const spoiled = isWrong && f.kind === "product" && f.upstream[0] !== values.right;
    const complete = f.parent !== undefined && finals[order][f.parent] === place && !hidden && !isWrong;

    $("step-title").textContent = t(`phase_${f.kind}`);
    $("count").textContent = t("count", { k: place, n: frames().length - 1 });
    const said = hidden ? `ask_${f.kind}` : isWrong && f.kind === "start" ? "say_start_wrong" : `say_${f.kind}`;
    $("say").replaceChildren(...phrase(said, values));
    const mistake = finals[order][f.node] > place ? "say_early" : "say_inherited";
    const note = spoiled ? mistake : complete ? "say_final" : f.kind === "start" ? "keys" : null;
    $("note").replaceChildren(...(spoiled ? ["✗ "] : []), ...(note ? phrase(note, values) : []));
    $("formula").replaceChildren(...formulas[f.kind](f, hidden));
    $("answer").hidden = !hidden;

    const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
    data.nodes.forEach((node, i) => {
      const grad = known.grads[i], value = known.values[i] ? node.value : "—";
      const bad = isWrong && node.wrong && grad !== null;
      const row = rows.get(i);
      row.classList.toggle("now", i === f.parent || (f.kind === "forward" && i === f.node));
      row.classList.toggle("bad", bad);
      const shown = bad ? `✗ ${grad}` : grad ?? "—", [valueCell, gradCell, proofCell] = row.querySelectorAll("td");
      put(valueCell, value);
      put(gradCell, shown);
      put(proofCell, isWrong ? node.grad : proof(node, i, grad));
      gradCell.title = bad ? t("wrong_mark") : "";
      proofCell.title = isWrong ? "" : t(node.agrees ? "agrees" : "differs");
      if (picture[i]) {
        put(picture[i].value, value);
        put(picture[i].gradient, shown.replace("✗ ", "✗"));
        picture[i].group.classList.toggle("bad", bad);
      }
    });
    light(f);
    reach(document.querySelector("tr.now"));
    $("time").max = frames().length - 1;
    $("time").value = place;
    $("time").setAttribute("aria-valuetext", `${t("count", { k: place, n: frames().length - 1 })}: ${t(`phase_${f.kind}`)}`);
    [...$("marks").children].forEach((mark, k) => mark.classList.toggle("past", k <= place));
    $("play").firstElementChild.textContent = timer ? "⏸" : "▶";
    label($("play"), timer ? "pause" : "play");
    remember();
  }

  // browsers refuse an address that changes at every step
  function remember() {
    clearTimeout(remembering);
    if (!standalone) return;
    const address = `#${order === "wrong" ? "x" : ""}${place}`;
    remembering = setTimeout(() => history.replaceState(null, "", address), 150);
  }

  function proof(node, i, grad) {
    if (grad === null || place < finals.right[i] || (place === finals.right[i] && asked(frame()))) return "";
    return `${node.difference} ${node.agrees ? "✓" : "≠"}`;
  }

  // -- the drawing --------------------------------------------------------------------

  const part = (id) => svg.querySelector(`[id="${id}"]`);
  const picture = data.nodes.map((node, i) => {
    const group = part(`n${i}`);
    if (!group) return null;
    const [value, gradient] = [...group.querySelectorAll("text")].slice(-2);
    for (const text of [value, gradient]) {
      const cell = text.previousElementSibling.getBBox();
      text.setAttribute("text-anchor", "middle");
      text.setAttribute("x", cell.x + cell.width / 2);
    }
    group.classList.add("box");
    if (!node.labelled) title(group, node.name);
    group.addEventListener("click", () => go(finals[order][i]));
    return { group, value, gradient };
  });

  // a node without a label bears above it the name that the formulas give it
  function title(group, text) {
    const box = group.getBBox(), element = document.createElementNS(svg.namespaceURI, "text");
    element.textContent = text;
    element.setAttribute("class", "name");
    element.setAttribute("x", box.x + 2);
    element.setAttribute("y", box.y - 2);
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
    const boxes = [...svg.querySelectorAll(".from, .to")].map((e) => e.getBoundingClientRect());
    if (boxes.length) follow(boxes);
  }

  function reach(row) {
    if (!row) return;
    const table = row.closest(".scroll"), box = row.getBoundingClientRect(), view = table.getBoundingClientRect();
    const head = table.querySelector("thead").offsetHeight;
    if (box.top < view.top + head) table.scrollTop += box.top - view.top - head;
    else if (box.bottom > view.bottom) table.scrollTop += box.bottom - view.bottom;
  }

  // scrolls as little as shows all that is lit, and a margin around it
  function follow(boxes) {
    const view = canvas.getBoundingClientRect(), margin = 24;
    const shift = (low, high) => {
      const from = Math.min(...boxes.map((b) => b[low])) - margin, to = Math.max(...boxes.map((b) => b[high])) + margin;
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
  // small graphs fill the place; large ones stay legible and are followed
  const comfortable = () => scale(Math.min(1.8, Math.max(1, fitting())));
  $("zoom-in").onclick = () => scale(zoom * 1.25);
  $("zoom-out").onclick = () => scale(zoom / 1.25);
  $("fit").onclick = () => scale(fitting());
  addEventListener("resize", comfortable);

  // -- moving ---------------------------------------------------------------------------

  function go(k) {
    place = Math.min(frames().length - 1, Math.max(0, k));
    $("number").value = "";
    $("feedback").textContent = "";
    show();
  }

  function next() {
    if (asked(frame())) return reveal();
    if (place === frames().length - 1) return stop();
    go(place + 1);
    if (asked(frame()) && !timer) $("number").focus();
  }

  function reveal() {
    revealed.add(place);
    show();
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    show();
  }

  function play() {
    if (timer) return stop();
    if (place === frames().length - 1) place = 0;
    timer = setInterval(() => (asked(frame()) ? stop() : next()), 1200 / Number($("speed").value));
    next();
  }

  function choose(which) {
    if (!data[which]) {
      $("note").textContent = t("no_wrong_order");
      return;
    }
    clearInterval(timer);
    timer = null;
    order = which;
    revealed = new Set();
    $("wrong").setAttribute("aria-pressed", which === "wrong");
    $("marks").replaceChildren(...frames().map((f) => {
      const mark = document.createElement("span");
      mark.className = f.kind;
      return mark;
    }));
    go(0);
  }

  $("first").onclick = () => go(0);
  $("back").onclick = () => go(place - 1);
  $("play").onclick = play;
  $("next").onclick = next;
  $("last").onclick = () => go(frames().length - 1);
  $("time").oninput = () => go(Number($("time").value));
  $("speed").onchange = () => { if (timer) { stop(); play(); } };
  $("wrong").onclick = () => choose(order === "wrong" ? "right" : "wrong");
  $("marks").onclick = (event) => {
    const box = $("marks").getBoundingClientRect();
    go(Math.floor(((event.clientX - box.left) / box.width) * frames().length));
  };
  rows.forEach((row, i) => { row.querySelector("button").onclick = () => go(finals[order][i]); });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("select") || (event.target === $("number") && (event.target.value || event.key === " "));
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.matches("button")) return;
    const action = {
      ArrowRight: next, ArrowLeft: () => go(place - 1), " ": play,
      Home: () => go(0), End: () => go(frames().length - 1),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  // -- predict, then reveal -----------------------------------------------------------------

  $("predict").onclick = () => {
    predicting = !predicting;
    revealed = new Set();
    $("predict").setAttribute("aria-pressed", predicting);
    if (timer) stop();
    show();
    if (!$("answer").hidden) $("number").focus();
  };

  function read(text) {
    const plain = text.trim().replaceAll("−", "-").replaceAll(",", ".");
    const one = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?";
    const match = plain.match(new RegExp(`^(${one})(?:\\s*/\\s*(${one}))?$`, "i"));
    if (match) return Number(match[1]) / Number(match[2] ?? 1);
    if (/^[-+]?(inf|∞)$/i.test(plain)) return plain.startsWith("-") ? -Infinity : Infinity;
    return /^nan$/i.test(plain) ? NaN : null;
  }

  // within one percent: whoever rounds to three digits is right
  const near = (x, y) => Object.is(x, y) || Math.abs(x - y) <= 0.01 * Math.abs(y) || (y === 0 && Math.abs(x) < 1e-9);

  $("answer").onsubmit = (event) => {
    event.preventDefault();
    const f = frame(), x = read($("number").value), is = (key) => f[key] && near(x, Number(f[key][1]));
    const key =
      x === null ? "no_number" : is("result") ? "correct" :
      near(-x, Number(f.result[1])) ? "sign" : is("contribution") ? "not_added" :
      is("upstream") || is("partial") ? "one_factor" : "not_yet";
    if (key === "correct") {
      reveal();
      $("note").textContent = `✓ ${t("correct", words(f))}`;
      $("next").focus();
    } else {
      $("feedback").textContent = t(key, words(f));
    }
  };
  $("reveal").onclick = () => { reveal(); $("next").focus(); };

  // -- language, light and dark -----------------------------------------------------------------

  function label(element, key) {
    element.dataset.label = key;
    element.setAttribute("aria-label", t(key));
    if (element.matches("button")) element.title = t(key);
  }

  function speak(which) {
    language = document.documentElement.lang = which;
    document.querySelectorAll("[data-text]").forEach((e) => { e.textContent = t(e.dataset.text); });
    document.querySelectorAll("[data-label]").forEach((e) => label(e, e.dataset.label));
    for (const each of ["es", "en"]) $(each).setAttribute("aria-pressed", each === which);
    document.title = t("title", { name: name(data.root) });
    show();
  }
  $("es").onclick = () => speak("es");
  $("en").onclick = () => speak("en");

  let dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const paint = () => {
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
    $("dark").setAttribute("aria-pressed", dark);
  };
  matchMedia("(prefers-color-scheme: dark)").onchange = (event) => { dark = event.matches; paint(); };
  $("dark").onclick = () => { dark = !dark; paint(); };

  // -- start -----------------------------------------------------------------------------

  const [, isWrong, start] = location.hash.match(/^#(x?)(\d+)$/) ?? [];
  paint();
  choose(isWrong && data.wrong ? "wrong" : "right");
  if (!data.wrong) $("wrong").title = t("no_wrong_order");
  comfortable();
  if (start) place = Math.min(frames().length - 1, Number(start));
  speak(language);
})();
