// The table of values and gradients, a row a node: as few cells are written as have changed.

import { put } from "./picture.js";

export function makeTable(data, choose, t) {
  const rows = new Map(
    [...document.querySelectorAll("tr[data-node]")].map((row) => [
      Number(row.dataset.node),
      { row, cells: [...row.querySelectorAll("td")] },
    ]),
  );
  rows.forEach(({ row }, i) => {
    row.querySelector("button").onclick = () => choose(i);
  });

  return {
    /** Shows a node's name as this element, and still calls it by the name. */
    name(i, element) {
      const row = rows.get(i)?.row;
      row?.querySelector("bdi").replaceChildren(element);
      row?.querySelector("button").setAttribute("aria-label", data.nodes[i].name);
    },
    write(numbers, isWrong) {
      rows.forEach((entry, i) => {
        const { row, cells } = entry;
        const { value, grad, proven, isBad, isNow } = numbers[i];
        const { agrees } = data.nodes[i];
        const state = [value, grad, proven, isBad, isNow, document.documentElement.lang].join(" ");
        if (entry.state === state) return; // most rows, at most steps
        entry.state = state;
        row.classList.toggle("now", isNow);
        row.classList.toggle("bad", isBad);
        const [valueCell, gradCell, proofCell] = cells;
        put(valueCell, value);
        put(gradCell, isBad ? `✗ ${grad}` : grad);
        put(proofCell, proven);
        gradCell.title = isBad ? t("wrong_mark") : "";
        proofCell.title = isWrong || !proven ? "" : t(agrees ? "agrees" : "differs");
        proofCell.classList.toggle("differs", !isWrong && !agrees);
      });
    },
  };
}
