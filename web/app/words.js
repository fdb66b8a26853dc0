// How words are read, both where the index is built and where it is asked.

/** A word without marks and capitals: `función` is found by `funcion`, `w₁` by `w1`. */
export const folded = (word) =>
  word.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase("en");

/** For MiniSearch. */
export const options = {
  fields: ["heading", "title", "text"],
  storeFields: ["heading", "title", "text", "address"],
  processTerm: folded,
  searchOptions: {
    boost: { heading: 8, title: 3 },
    combineWith: "AND",
    prefix: (word) => word.length > 2,
    fuzzy: (word) => (word.length > 4 ? 0.2 : 0),
  },
};
