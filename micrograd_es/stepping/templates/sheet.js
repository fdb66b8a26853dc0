// The worksheet of the page's graph: the same picture with blanks, and in the key with all numbers.

import { cutForPaper } from "./rows.js";

/** A function that draws both; `copy` gives the graph with other numbers in it. */
export function makeSheet(paper, data, copy) {
  const [blanks, filled] = ["blanks", "filled"].map((name) => paper.querySelector(`.${name}`));
  return () => {
    const given = ({ leaf, value }) => ({ value: leaf ? value : "", grad: "" });
    blanks.replaceChildren(copy(data.nodes.map(given)));
    const whole = blanks.firstElementChild;
    cutForPaper(whole);
    paper.classList.toggle("in-rows", whole.hasAttribute("hidden"));
    if (whole.hasAttribute("hidden")) whole.remove();
    filled.replaceChildren(copy(data.nodes));
  };
}
