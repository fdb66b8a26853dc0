// Tabs, of which one is open; the arrow keys go from one to the next.

/** `opened(id)` is told which panel has been opened. */
export function makeTabs(list, opened) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const open = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.setAttribute("tabindex", tab === chosen ? 0 : -1);
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
    opened(chosen.getAttribute("aria-controls"));
  };
  for (const [i, tab] of tabs.entries()) {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!way) return;
      const next = tabs[(i + way + tabs.length) % tabs.length];
      next.focus();
      open(next);
      event.preventDefault();
    });
  }
}
