// Numbers and times as people in India read them. Display only; exact() is what copy and tooltips carry.

export const DASH = "–";
const IST_MS = 19800000;

export function groupDigits(digits) {
  if (digits.length <= 3) return digits;
  let head = digits.slice(0, -3);
  let out = digits.slice(-3);
  while (head.length > 2) {
    out = head.slice(-2) + "," + out;
    head = head.slice(0, -2);
  }
  return head + "," + out;
}

// |value| with the given decimals; beyond 1e15 a double has no paise left, so it is shown as what it is.
export function magnitude(value, decimals) {
  const size = Math.abs(value);
  if (size >= 1e15) return size.toExponential(3);
  const text = size.toFixed(decimals);
  const dot = text.indexOf(".");
  return dot < 0 ? groupDigits(text) : groupDigits(text.slice(0, dot)) + text.slice(dot);
}

export function compactMagnitude(value) {
  const size = Math.abs(value);
  if (size < 99999.5) return magnitude(size, 0);
  if (size < 9999500) return (size / 1e5).toFixed(2) + " L";
  return magnitude(size / 1e7, 2) + " Cr";
}

function isZero(text) {
  return !/[1-9]/.test(text);
}

// sign: "minus" (only for negatives), "plus" (+ and −), "arrow" (▲ and ▼)
function withSign(value, text, sign) {
  if (isZero(text)) return text;
  if (sign === "arrow") return (value > 0 ? "▲ " : "▼ ") + text;
  if (value < 0) return "−" + text;
  return sign === "plus" ? "+" + text : text;
}

function pad(number, length) {
  return String(number).padStart(length, "0");
}

function istDate(ms) {
  return new Date(ms + IST_MS);
}

export function clockTime(ms, decimals) {
  const at = istDate(ms);
  if (Number.isNaN(at.getTime())) return DASH;
  const text = pad(at.getUTCHours(), 2) + ":" + pad(at.getUTCMinutes(), 2) + ":" + pad(at.getUTCSeconds(), 2);
  return decimals ? text + "." + pad(at.getUTCMilliseconds(), 3) : text;
}

export function formatCell(column, value, decimals) {
  if (Number.isNaN(value)) return DASH;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const sign = column.kind === "change" ? "arrow" : column.signed ? "plus" : "minus";
  switch (column.kind) {
    case "time":
      return clockTime(value, column.decimals === 3);
    case "qty":
    case "bar":
      return withSign(value, column.compact ? compactMagnitude(value) : magnitude(value, 0), sign);
    case "pct":
      return withSign(value, magnitude(value, decimals), sign) + " %";
    default:
      return withSign(value, column.compact ? compactMagnitude(value) : magnitude(value, decimals), sign);
  }
}

// The number itself, plain ASCII, as a spreadsheet reads it.
export function exactCell(column, value) {
  if (Number.isNaN(value)) return "";
  if (column.kind === "time") {
    const at = istDate(value);
    return Number.isNaN(at.getTime()) ? "" : at.toISOString().replace("Z", "+05:30");
  }
  return String(column.single ? Number(value.toPrecision(7)) : value);
}
