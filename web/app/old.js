// For browsers of any age: says so where one cannot run the rest.
document.getElementById("old").hidden = Boolean(
  window.WebAssembly && window.OffscreenCanvas && window.TransformStream && window.customElements,
);
