// How numbers are read: as micrograd_es/base/reading.py reads them, comma and point alike.

/** The number that a text says, also as a fraction; null where it says none. */
export function read(text) {
  const plain = text.trim().replaceAll("−", "-").replaceAll(",", ".").replaceAll("∞", "inf");
  const one = "[-+]?(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?|inf(?:inity)?|nan)";
  const match = plain.match(new RegExp(`^(${one})(?:\\s*/\\s*(${one}))?$`, "i"));
  if (!match) return null;
  const [above, below] = [match[1], match[2] ?? "1"].map((part) =>
    Number(part.replace(/inf(inity)?/i, "Infinity").replace(/nan/i, "NaN")),
  );
  return below === 0 ? null : above / below;
}
