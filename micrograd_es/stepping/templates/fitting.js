// What gives way where there is little room.

/** A formula a little too wide or too high is written smaller; a very large one scrolls. */
export function shrink(box) {
  box.style.fontSize = "";
  box.classList.remove("large");
  let size = 1;
  for (let tries = 0; tries < 3; tries++) {
    const fits = Math.min(box.clientWidth / box.scrollWidth, box.clientHeight / box.scrollHeight);
    if (fits >= 1 || !box.childElementCount) return;
    size = Math.max(0.7, 0.98 * fits * size);
    box.style.fontSize = `${size}em`;
  }
  box.classList.toggle("large", box.clientHeight < box.scrollHeight);
}

/** Scrolls the table so that the row is seen, and none is cut under the head. */
export function bringIntoView(row) {
  if (!row) return;
  const table = row.closest(".scroll");
  const head = table.querySelector("thead").offsetHeight;
  const top = row.offsetTop - head;
  const least = top + head + row.offsetHeight - table.clientHeight;
  if (top < table.scrollTop) table.scrollTop = top;
  else if (least > table.scrollTop) {
    const tops = [...row.parentElement.rows].map((each) => each.offsetTop - head);
    table.scrollTop = Math.min(...tops.filter((each) => each >= least), top);
  }
}
