// Colours and faces come from the page's CSS variables and are read again when the theme changes.

const TOKENS = [
  "background", "panel", "line", "text", "muted", "accent", "buy", "sell", "up", "down", "itm", "atm", "warning",
  "muted-text", "accent-text", "buy-text", "sell-text", "up-text", "down-text", "warning-text",
  "buy-fill", "sell-fill", "down-fill", "accent-fill", "hover", "select", "tint-up", "tint-down",
  "buy-row", "sell-row", "bar", "bar-up", "bar-down", "font", "font-num", "font-size", "font-size-small", "tint-ms",
];

export function readPalette(element) {
  const style = getComputedStyle(element);
  const palette = {};
  for (const token of TOKENS) palette[token] = style.getPropertyValue("--oal-" + token).trim();
  palette.tintMs = Number(palette["tint-ms"]) || 400;
  palette.textFont = palette["font-size"] + " " + palette.font;
  palette.numberFont = palette["font-size"] + " " + palette["font-num"];
  palette.smallFont = palette["font-size-small"] + " " + palette.font;
  palette.boldFont = "600 " + palette.textFont;
  return palette;
}

export function watchTheme(changed, signal) {
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: ["class", "style", "data-theme", "data-jp-theme-light"] };
  observer.observe(document.documentElement, options);
  observer.observe(document.body, options);
  const scheme = matchMedia("(prefers-color-scheme: light)");
  scheme.addEventListener("change", changed, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  // Style sheets that arrive after the widget change the variables without touching an attribute.
  const late = new MutationObserver(changed);
  late.observe(document.head, { childList: true });
  signal.addEventListener("abort", () => late.disconnect());
}
