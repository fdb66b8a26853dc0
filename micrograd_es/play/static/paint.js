// Maps as colours on a canvas: cells of -1000..1000, row by row from the lowest.

/** A colour of the palette as red, green and blue. */
export function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return text.match(/\w\w/g).map((h) => parseInt(h, 16));
}

export const mixed = (from, to, share) => from.map((c, k) => c + (to[k] - c) * share);

/** Paints a map into a part of the canvas: left, top, width and height. */
export function paint(canvas, map, cells, [left, top, width, height]) {
  const [zero, negative, positive] = ["--ground", "--negative-soft", "--positive-soft"].map(colour);
  const picture = painted(cells, (column, row) => {
    const score = map[row * cells + column];
    return mixed(zero, score < 0 ? negative : positive, Math.abs(score) / 1000);
  });
  const inner = cells - 1; // from the middle of the first cell to that of the last
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0.5, 0.5, inner, inner, left, top, width, height);
}

/** A canvas of so many cells each way, each in the colour that a function says. */
export function painted(cells, colourAt) {
  const image = new ImageData(cells, cells);
  for (let row = 0; row < cells; row += 1) {
    for (let column = 0; column < cells; column += 1) {
      // the map begins below, an image above
      const place = 4 * ((cells - 1 - row) * cells + column);
      image.data.set([...colourAt(column, row), 255], place);
    }
  }
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = cells;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
