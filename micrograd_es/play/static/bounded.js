// Work that is asked for more often than it need be done.

/**
 * A function that has `work` done, one at a time and never the last one lost: with a pause after
 * each of at least so many milliseconds, and of four times what it took.
 */
export function bounded(work, pause) {
  let wanted = false;
  let busy = false;
  return async () => {
    wanted = true;
    if (busy) return;
    busy = true;
    try {
      while (wanted) {
        wanted = false;
        const began = performance.now();
        await work();
        const took = performance.now() - began;
        await new Promise((later) => setTimeout(later, Math.max(pause, 4 * took)));
      }
    } finally {
      busy = false; // after a fault too, which is told in the console
    }
  };
}
