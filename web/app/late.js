// What does not come is a failure, too.

/** The promise, which fails where it takes longer. */
export const within = (seconds, promise) =>
  Promise.race([
    promise,
    new Promise((_, fail) => setTimeout(fail, 1000 * seconds, new Error("too late"))),
  ]);
