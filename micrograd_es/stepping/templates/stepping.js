"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
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
      if (f.kind === "sum" || f.arrives) known.grads = known.grads.with(f.parent, f.result?.[0] ?? "0");
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

  const formulas = makeFormulas(data, frames);
  const picture = makePicture($("canvas"), data, (node) => go(finals[order][node]));
  $("zoom-in").onclick = () => picture.zoom(1.25);
  $("zoom-out").onclick = () => picture.zoom(1 / 1.25);
  $("fit").onclick = picture.fit;

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
    for (const id of ["say", "note"]) $(id).ariaLive = timer ? "off" : "polite"; // playing is too quick to be read out
    const known = states[order][hidden ? place - 1 : place];
    const values = words(f);
    document.body.className = `${f.kind} ${order}`;
    const spoiled = isWrong && f.kind === "product" && f.upstream[0] !== values.right;
    const complete = f.parent !== undefined && finals[order][f.parent] === place && !hidden && !isWrong;

    $("step-title").textContent = t(`phase_${f.kind}`);
    $("count").textContent = t("count", { k: place, n: frames().length - 1 });
    const said = hidden ? `ask_${f.kind}` : isWrong && f.kind === "start" ? "say_start_wrong" : `say_${f.why ?? f.kind}`;
    $("say").replaceChildren(...phrase(said, values));
    const mistake = finals[order][f.node] > place ? "say_early" : "say_inherited";
    const note = spoiled ? mistake : complete ? "say_final" : null;
    $("note").replaceChildren(...(spoiled ? ["✗ "] : []), ...(note ? phrase(note, values) : []));
    $("formula").replaceChildren(...formulas[f.kind](f, hidden));
    $("answer").hidden = !hidden;

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
      proofCell.title = isWrong || !proofCell.textContent ? "" : t(node.agrees ? "agrees" : "differs");
      proofCell.classList.toggle("differs", !isWrong && !node.agrees);
      picture.write(i, value, grad ?? "—", bad);
    });
    picture.light(f);
    shrink($("formula"));
    reach(document.querySelector("tr.now"));
    $("time").max = frames().length - 1;
    $("time").value = place;
    $("time").setAttribute("aria-valuetext", `${t("count", { k: place, n: frames().length - 1 })}: ${t(`phase_${f.kind}`)}`);
    [...$("marks").children].forEach((mark, k) => mark.classList.toggle("past", k <= place));
    $("play").classList.toggle("playing", timer !== null);
    label($("play"), timer ? "pause" : "play");
    remember();
  }

  // a formula a little too wide or too high is written smaller; a very large one scrolls
  function shrink(box) {
    box.style.fontSize = "";
    const fits = Math.min(box.clientWidth / box.scrollWidth, box.clientHeight / box.scrollHeight);
    if (fits < 1) box.style.fontSize = `${Math.max(0.7, 0.98 * fits)}em`;
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

  function reach(row) {
    if (!row) return;
    const table = row.closest(".scroll"), box = row.getBoundingClientRect(), view = table.getBoundingClientRect();
    const head = table.querySelector("thead").offsetHeight;
    if (box.top < view.top + head) table.scrollTop += box.top - view.top - head;
    const hidden = Math.max(0, box.bottom - view.bottom); // by whole rows: none is cut at the top
    table.scrollTop += Math.ceil(hidden / box.height) * box.height;
  }

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
    $("marks").classList.toggle("many", frames().length > 120);
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
  if (start) place = Math.min(frames().length - 1, Number(start));
  speak(language);
})();
