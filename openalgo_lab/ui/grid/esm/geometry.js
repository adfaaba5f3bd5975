// Where columns and rows lie. Sizes in CSS pixels; x and y from the top left of the canvas.

export const MIN_WIDTH = 36;
const ACTION_GAP = 4;

// Columns that are too wide by so little are narrowed rather than scrolled.
const MAX_SHRINK = 0.12;

// → [{column, natural, width, x}] of the visible columns, stretched to fill the view when they are narrower. Whole
// pixels, so that neighbouring grounds leave no seam.
export function placeColumns(columns, prefs, viewWidth) {
  const shown = columns.filter((column) => prefs.shows(column, viewWidth));
  const widths = shown.map((column) => prefs.widths[column.key] ?? column.width);
  const spare = viewWidth - widths.reduce((sum, width) => sum + width, 0);
  const elastic = shown.map((column) => column.kind !== "action" && prefs.widths[column.key] === undefined);
  const base = widths.reduce((sum, width, i) => sum + (elastic[i] ? width : 0), 0);
  const share = base && spare > -MAX_SHRINK * base ? spare / base : 0;
  let exact = 0;
  let natural = 0;
  const places = shown.map((column, i) => {
    exact += elastic[i] ? widths[i] * (1 + share) : widths[i];
    const width = Math.round(exact) - natural;
    const place = { column, natural, width, x: natural };
    natural += width;
    return place;
  });
  return { places, total: natural };
}

// Pinned columns stick to both edges: one in the middle (a strike) waits at the right until it is reached.
export function scrollColumns(places, scrollX, viewWidth) {
  const pinned = places.filter((place) => place.column.pinned);
  const widthAll = pinned.reduce((sum, place) => sum + place.width, 0);
  let before = 0;
  for (const place of places) {
    place.x = place.natural - scrollX;
    if (!place.column.pinned) continue;
    const right = viewWidth - (widthAll - before);
    place.x = Math.round(Math.max(before, Math.min(place.x, right)));
    before += place.width;
  }
  for (const place of places) setClear(place, pinned, viewWidth);
}

// clearLeft to clearRight: the part of the column that neither the view's edges nor pinned columns cover.
function setClear(place, pinned, viewWidth) {
  place.clearLeft = Math.max(0, place.x);
  place.clearRight = Math.min(viewWidth, place.x + place.width);
  if (place.column.pinned) return;
  for (const pin of pinned) {
    if (pin.x <= place.clearLeft) place.clearLeft = Math.max(place.clearLeft, pin.x + pin.width);
    else if (pin.x < place.clearRight) place.clearRight = pin.x;
  }
}

export function visibleRows(store, scrollY, bodyHeight, rowHeight) {
  const first = Math.max(0, Math.floor(scrollY / rowHeight));
  const last = Math.min(store.n, Math.ceil((scrollY + bodyHeight) / rowHeight));
  return { first, last };
}

export function columnAt(places, x) {
  const over = places.filter((place) => x >= place.x && x < place.x + place.width);
  return over.find((place) => place.column.pinned) ?? over[0] ?? null;
}

// The column whose right edge is under x (for resizing).
export function edgeAt(places, x) {
  return places.find((place) => Math.abs(place.x + place.width - x) <= 4) ?? null;
}

// Buttons of a cell: [{action, x, width}], x from the cell's left. Overlay buttons keep to the free side.
export function actionBoxes(place, measure) {
  const actions = place.column.actions;
  const inner = ACTION_GAP;
  let x = inner;
  const boxes = actions.map((action) => {
    const width = Math.max(20, measure(action.title) + 12);
    const box = { action, x, width };
    x += width + ACTION_GAP;
    return box;
  });
  const used = x;
  const shift = place.column.kind === "action" ? Math.max(0, (place.width - used) / 2)
    : place.column.align === "left" ? Math.max(0, place.width - used) : 0;
  for (const box of boxes) box.x += shift;
  return boxes;
}
