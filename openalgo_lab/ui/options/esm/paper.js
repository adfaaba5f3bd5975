// Numbers as texts, round ticks, and colours from the page's variables.

export const DASH = "–";
const GROUPED = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 2 });
const TONES = ["text", "muted", "accent", "buy", "sell", "up", "down", "warning", "simulated", "line", "background", "panel"];
const IST_MS = 19_800_000;

export function readTones(element) {
  const style = getComputedStyle(element);
  const tones = {};
  for (const name of TONES) tones[name] = style.getPropertyValue("--oal-" + name).trim();
  for (const name of ["muted", "accent", "buy", "sell", "up", "down", "warning"])
    tones[name + "-text"] = style.getPropertyValue("--oal-" + name + "-text").trim();
  tones.font = style.getPropertyValue("--oal-font-size-small").trim() + " " + style.getPropertyValue("--oal-font-num").trim();
  return tones;
}

export function watchTones(changed, signal) {
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: ["class", "style", "data-theme", "data-oal-theme", "data-jp-theme-light"] };
  observer.observe(document.documentElement, options);
  observer.observe(document.body, options);
  const late = new MutationObserver(changed);
  late.observe(document.head, { childList: true });
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", changed, { signal });
  signal.addEventListener("abort", () => {
    observer.disconnect();
    late.disconnect();
  });
}

export function short(value) {
  const size = Math.abs(value);
  const [by, unit] = size >= 1e7 ? [1e7, " Cr"] : size >= 1e5 ? [1e5, " L"] : size >= 1e4 ? [1e3, " k"] : [1, ""];
  return by === 1 ? GROUPED.format(Number(value.toPrecision(4))) : Number((value / by).toPrecision(3)) + unit;
}

function clock(ms, withDay) {
  const at = new Date(ms + IST_MS).toISOString();
  const time = at.slice(11, 16);
  return withDay ? at.slice(8, 10) + "/" + at.slice(5, 7) + " " + time : time;
}

const FORMATS = {
  strike: (value) => GROUPED.format(Math.round(value * 100) / 100),
  rupees: (value) => (value < 0 ? "−" : "") + GROUPED.format(Math.abs(Math.round(value))),
  price: (value) => GROUPED.format(Math.round(value * 100) / 100),
  pct: (value) => value.toFixed(2) + " %",
  points: (value) => (value > 0 ? "+" : "") + value.toFixed(1),
  number: (value) => (Math.abs(value) >= 1000 ? short(value) : String(Number(value.toPrecision(4)))),
  quantity: short,
  days: (value) => value.toFixed(1) + " d",
  time: (value) => clock(value, false),
  moment: (value) => clock(value, true),
};

export function say(value, format) {
  return Number.isFinite(value) ? (FORMATS[format] ?? FORMATS.number)(value) : DASH;
}

export function sayTick(value, format) {
  if (format === "rupees" || format === "quantity") return value === 0 ? "0" : (value < 0 ? "−" : "") + short(Math.abs(value));
  if (format === "pct") return Number(value.toFixed(2)) + " %";
  return say(value, format);
}

const MINUTES = [1, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880, 10080].map((minutes) => minutes * 60_000);

export function ticks(low, high, most, format) {
  const span = high - low;
  if (!(span > 0)) return [low];
  let step;
  if (format === "time" || format === "moment") {
    step = MINUTES.find((one) => span / one <= most) ?? MINUTES.at(-1);
    const first = Math.ceil((low + IST_MS) / step) * step - IST_MS;
    return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
  }
  const rough = span / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  step = power * [1, 2, 2.5, 5, 10].find((one) => one * power >= rough);
  const out = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) out.push(Math.abs(at) < step * 1e-9 ? 0 : at);
  return out;
}

export function mix(from, to, share) {
  const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const [a, b] = [parts(from), parts(to)];
  return "rgb(" + a.map((part, i) => Math.round(part + (b[i] - part) * share)).join(",") + ")";
}
