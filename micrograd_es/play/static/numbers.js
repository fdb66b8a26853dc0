// How numbers are written: `number` of micrograd_es/formulas/notation.py, to the digit.

/** Four significant digits, with an exponent outside 1e-4..1e5; "—" for what is not there. */
export function number(x) {
  if (x === null) return "—";
  const size = Math.abs(x);
  let text = String(size).replace("Infinity", "∞").replace("NaN", "nan");
  if (size >= 1e-4 && size < 9999.5) {
    text = String(Number(rounded(size).join("e")));
  } else if (size >= 9999.5 && size < 1e5) {
    text = String(whole(size));
  } else if (size > 0 && size < Infinity) {
    const [digits, exponent] = rounded(size);
    text = `${Number(digits)}e${Number(exponent)}`;
  }
  return (x < 0 ? "−" : "") + text.replace("-", "−");
}

/** Digits and exponent of four digits; of a tie the even one, which `toExponential` rounds up. */
function rounded(size) {
  const tie = size.toExponential(60).match(/^(\d\.\d\d[02468])50*(e.+)$/);
  const text = tie ? tie[1] + tie[2] : size.toExponential(3);
  return text.split("e");
}

/** The nearest integer; of a tie the even one. */
function whole(size) {
  const below = Math.floor(size);
  return size - below === 0.5 && below % 2 === 0 ? below : Math.round(size);
}

/** As an address says it: six decimals at most, and no exponent. */
export const decimal = (x) => String(Number(Number(x).toFixed(6)));
