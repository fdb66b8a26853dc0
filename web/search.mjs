// Builds the index of the site's search: the sections as JSON come in, the index goes out.
// node web/search.mjs SITE <sections >index

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const site = pathToFileURL(`${process.argv[2]}/`);
const { default: MiniSearch } = await import(new URL("search/minisearch.js", site));
const { options } = await import(new URL("app/words.js", site));
const index = new MiniSearch(options);
index.addAll(JSON.parse(readFileSync(0, "utf8")));
process.stdout.write(JSON.stringify(index));
