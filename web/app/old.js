// For browsers of any age: says where one cannot run the rest, and where that does not arrive.
var missing = document.getElementById("missing");
var old = !(
  window.WebAssembly &&
  window.OffscreenCanvas &&
  window.TransformStream &&
  window.customElements
);

function look() {
  missing.hidden = old || Boolean(document.body.dataset.python); // which the page's script says
}
function again() {
  location.reload();
}

// What is pressed before the page's script is there waits for it; the last one counts.
var arrived = false;
var pressed = null;
function press(event) {
  var button = event.target.closest("main button, header button");
  if (!button || arrived) return;
  pressed = button;
  event.preventDefault();
  event.stopPropagation();
}
function arrive() {
  arrived = true;
  if (pressed) pressed.click();
}
window.arrive = arrive; // the page's script calls it
document.addEventListener("click", press, true);

// Of "Try it": what is typed before the page's script is there stands in the address, too.
var field = document.getElementById("f");
function keep() {
  var asked = new URLSearchParams(location.search);
  if (!asked.has("f")) asked.set("at", document.querySelector(".live").dataset.at);
  asked.set("f", field.value);
  if (!document.body.dataset.python) history.replaceState(null, "", "?".concat(asked));
}
if (field && !old) field.addEventListener("input", keep);

document.getElementById("old").hidden = !old;
addEventListener("error", look, true); // a script's, which nothing above it is told
setTimeout(look, 60000);
missing.querySelector("button").addEventListener("click", again);
