// The worksheet of the page's graph: the same picture with blanks, and in the key with all numbers.

import { cutForPaper } from "./rows.js";

/** A function that draws both; `copy` gives the graph with other numbers in it. */
export function makeSheet(paper, data, copy) {
  const given = ({ leaf, value }) => ({ value: leaf ? value : "", grad: "" });

  function draw(name, numbers) {
    const place = paper.querySelector(`.${name}`);
    place.replaceChildren(copy(numbers));
    const whole = place.firstElementChild;
    const isCut = Boolean(cutForPaper(whole));
    if (isCut) whole.remove();
    paper.classList.toggle("in-rows", isCut);
  }
  return () => {
    draw("blanks", data.nodes.map(given));
    draw("filled", data.nodes);
  };
}
