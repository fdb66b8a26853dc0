// Work that is asked for more often than it need be done.

/** A function that has `work` done: one at a time, with a pause after each, never the last one lost. */
export function bounded(work, pause) {
  let wanted = false;
  let busy = false;
  return async () => {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted) {
      wanted = false;
      await work();
      await new Promise((later) => setTimeout(later, pause));
    }
    busy = false;
  };
}
