// Graphviz as WebAssembly. It knows how wide ASCII is in a few fonts, and takes each byte of
// anything else for a space. So each other character goes in as the ASCII letter that is
// nearest to it in width, behind marks of no width that say which it was, and comes back in
// the picture.

const FONT = "DejaVu Sans,Verdana,sans-serif";
const KNOWN = "DejaVu Sans"; // the first of FONT, whose widths Graphviz has
const MARK = "\x7f";
const LETTERS = [..."ilfrtcszvkyxaeobdhnpqugTFLPEXZSKYBAVCRDUHNGOQMmWw"];

const canvas = new OffscreenCanvas(1, 1).getContext("2d");
canvas.font = `100px ${FONT.replace("DejaVu Sans", '"DejaVu Sans"')}`;
const width = (text) => canvas.measureText(text).width;
const widths = LETTERS.map((letter) => [letter, width(letter)]);

const nearest = (character) => {
  const wanted = width(character);
  let best = widths[0];
  for (const one of widths) {
    if (Math.abs(one[1] - wanted) < Math.abs(best[1] - wanted)) best = one;
  }
  return best[0];
};

const standIn = new Map(); // character: marks and a letter
const meant = new Map(); // marks and a letter: character

function inAscii(character) {
  if (!standIn.has(character)) {
    const letter = nearest(character);
    let code = MARK + letter;
    while (meant.has(code)) code = MARK + code;
    standIn.set(character, code);
    meant.set(code, character);
  }
  return standIn.get(character);
}

/** A function of DOT text, engine and format that gives the picture. */
export async function drawer(instance) {
  const viz = await instance();
  return (source, engine, format) => {
    const ascii = source.replaceAll(FONT, KNOWN).replace(/[^\0-\x7f]/gu, inAscii);
    const drawn = viz.renderString(ascii, { engine, format });
    return drawn
      .replace(/\x7f+./g, (code) => meant.get(code) ?? code)
      .replaceAll(`font-family="${KNOWN}"`, `font-family="${FONT}"`);
  };
}
