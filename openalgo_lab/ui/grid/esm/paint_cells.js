// Paints the cells of one column: ground, bar, tint, text, buttons. All text goes through fillText, so it is inert.

import { DASH } from "./format.js";
import { FLAG } from "./store.js";
import { actionBoxes } from "./geometry.js";

const PAD = 6;
const STATUS_TONE = [
  [/^(COMPLETE|FILLED|TRADED|EXECUTED|ACCEPTED|CONNECTED)/i, "up-text"],
  [/^(REJECT|FAIL|EXPIRED|DEAD)/i, "down-text"],
  [/^(OPEN|PENDING|TRIGGER|NEW|MODIF|PARTIAL|VALIDAT|SENT|CANCEL.*PENDING)/i, "accent-text"],
  [/^(UNKNOWN|STALE)/i, "warning-text"],
  [/^CANCEL/i, "muted-text"],
];

export function paintColumn(view, place, rows) {
  const { ctx, headerHeight, palette } = view;
  const height = view.height - headerHeight;
  ctx.save();
  ctx.beginPath();
  ctx.rect(place.x, headerHeight, place.width, height);
  ctx.clip();
  if (place.column.pinned) {
    ctx.fillStyle = palette.background;
    ctx.fillRect(place.x, headerHeight, place.width, height);
    ctx.fillStyle = place.column.group === "strike" ? palette.panel : palette.background;
    ctx.fillRect(place.x, headerHeight, place.width, view.rowY(rows.last) - headerHeight);
  }
  paintGrounds(view, place, rows);
  if (place.column.bar_of) paintBars(view, place, rows);
  if (place.column.tint && view.motion) paintTints(view, place, rows);
  if (place.column.kind !== "action") paintTexts(view, place, rows);
  if (place.column.actions.length) paintActions(view, place, rows);
  ctx.restore();
}

function rowGround(view, row, group) {
  const { palette, store } = view;
  const id = store.ids[row];
  const flags = store.flags[row];
  if (view.selection.has(id) || flags & FLAG.SELECTED) return palette.select;
  if (view.hover && view.hover.id === id) return palette.hover;
  if (flags & FLAG.ATM) return palette.atm;
  if (group === "calls" && flags & FLAG.ITM_CALL) return palette.itm;
  if (group === "puts" && flags & FLAG.ITM_PUT) return palette.itm;
  if (flags & FLAG.BUY_SIDE) return palette["buy-row"];
  if (flags & FLAG.SELL_SIDE) return palette["sell-row"];
  return null;
}

function paintGrounds(view, place, rows) {
  const { ctx, rowHeight, store } = view;
  for (let position = rows.first; position < rows.last; position++) {
    const ground = rowGround(view, store.order[position], place.column.group);
    if (!ground) continue;
    ctx.fillStyle = ground;
    ctx.fillRect(place.x, view.rowY(position), place.width, rowHeight);
  }
}

function paintBars(view, place, rows) {
  const { ctx, palette, store, rowHeight } = view;
  const { slot } = store.byKey.get(place.column.bar_of);
  const beside = store.byKey.get(place.column.bar_scale);
  const top = Math.max(store.maximum(slot), beside ? store.maximum(beside.slot) : 0);
  if (!top) return;
  const tone = place.column.bar_tone;
  ctx.fillStyle = tone === "neutral" ? palette.bar : palette["bar-" + tone];
  for (let position = rows.first; position < rows.last; position++) {
    const value = store.values[slot][store.order[position]];
    if (value !== value) continue;
    const width = (Math.abs(value) / top) * (place.width - 2);
    const x = place.column.bar_side === "left" ? place.x + 1 : place.x + place.width - 1 - width;
    ctx.fillRect(x, view.rowY(position) + 3, width, rowHeight - 6);
  }
}

function paintTints(view, place, rows) {
  const { ctx, palette, store, rowHeight } = view;
  const { slot } = place.column;
  if (slot < 0) return;
  ctx.font = palette.smallFont;
  ctx.textAlign = "left";
  for (let position = rows.first; position < rows.last; position++) {
    const row = store.order[position];
    const age = view.now - store.changedAt[slot][row];
    if (store.changedAt[slot][row] === 0 || age > palette.tintMs || store.flags[row] & FLAG.STALE) continue;
    const way = store.direction[slot][row] > 0 ? "up" : "down";
    const y = view.rowY(position);
    ctx.fillStyle = palette["tint-" + way];
    ctx.fillRect(place.x + 1, y + 1, place.width - 2, rowHeight - 2);
    ctx.fillStyle = palette[way + "-text"];
    if (!overlayShown(view, place, row)) ctx.fillText(way === "up" ? "▴" : "▾", place.x + 3, y + rowHeight / 2);
    view.tinted = true;
  }
}

function textColour(view, column, row, text) {
  const { palette, store } = view;
  if (view.silent || text === DASH || store.flags[row] & (FLAG.STALE | FLAG.DISABLED)) return palette["muted-text"];
  switch (column.kind) {
    case "side":
      return /^S/i.test(text) ? palette["sell-text"] : /^B/i.test(text) ? palette["buy-text"] : palette.text;
    case "status": {
      const found = STATUS_TONE.find(([pattern]) => pattern.test(text));
      return found ? palette[found[1]] : palette.text;
    }
    case "time":
      return palette["muted-text"];
    default:
      break;
  }
  if (column.slot < 0 || !(column.signed || column.kind === "change") || !/[1-9]/.test(text)) return palette.text;
  return store.values[column.slot][row] > 0 ? palette["up-text"] : palette["down-text"];
}

function paintTexts(view, place, rows) {
  const { ctx, palette, store, rowHeight } = view;
  const { column, width } = place;
  ctx.font = column.group === "strike" ? "600 " + palette.numberFont : palette.numberFont;
  ctx.textAlign = column.align;
  const x = column.align === "right" ? place.x + width - PAD : column.align === "left" ? place.x + PAD
    : place.x + width / 2;
  const cut = place.clearRight - place.clearLeft < width;
  let colour = null;
  for (let position = rows.first; position < rows.last; position++) {
    const row = store.order[position];
    const text = store.cellText(column, row);
    if (!text) continue;
    const wanted = textColour(view, column, row, text);
    if (wanted !== colour) ctx.fillStyle = colour = wanted;
    const y = view.rowY(position) + rowHeight / 2;
    const room = width - 2 * PAD - buttonsWidth(view, place, row);
    const number = column.slot >= 0;
    if (number && room < width - 2 * PAD && textWidth(view, text) > room) continue; // half a number is a wrong number
    const fitted = fit(view, text, room, number);
    if (cut && !clear(view, place, fitted, x)) paintEllipsis(view, place, y);
    else ctx.fillText(fitted, x, y);
  }
}

// Whether no part of the text is scrolled out of sight: half a number is a wrong number.
function clear(view, place, text, x) {
  const width = textWidth(view, text);
  const { align } = place.column;
  const left = align === "right" ? x - width : align === "left" ? x : x - width / 2;
  return left >= place.clearLeft && left + width <= place.clearRight;
}

// What the buttons over a data cell take of it at the moment.
function buttonsWidth(view, place, row) {
  if (!overlayShown(view, place, row)) return 0;
  const boxes = actionBoxes(place, view.measureSmall).filter((box) => view.store.allows(box.action, row));
  if (!boxes.length) return 0;
  const last = boxes[boxes.length - 1];
  return place.column.align === "left" ? place.width - PAD - boxes[0].x : last.x + last.width - PAD;
}

function paintEllipsis(view, place, y) {
  if (place.clearRight - place.clearLeft < 14) return;
  const { ctx, palette } = view;
  const colour = ctx.fillStyle;
  ctx.fillStyle = palette["muted-text"];
  ctx.textAlign = "center";
  ctx.fillText("…", (place.clearLeft + place.clearRight) / 2, y);
  ctx.textAlign = place.column.align;
  ctx.fillStyle = colour;
}

function textWidth(view, text) {
  const key = "w|" + view.ctx.font + "|" + text;
  let width = view.fitted.get(key);
  if (width === undefined) view.fitted.set(key, width = view.ctx.measureText(text).width);
  return width;
}

// A text too wide ends in an ellipsis; a number becomes ###.
function fit(view, text, width, number) {
  if (text.length * view.charWidth <= width) return text;
  const key = view.ctx.font + "|" + Math.round(width) + "|" + text;
  let fitted = view.fitted.get(key);
  if (fitted !== undefined) return fitted;
  fitted = text;
  if (view.ctx.measureText(text).width > width + 3) {
    if (number) fitted = "###";
    else {
      let length = text.length;
      while (length > 1 && view.ctx.measureText(text.slice(0, length) + "…").width > width) length--;
      fitted = text.slice(0, length) + "…";
    }
  }
  if (view.fitted.size > 5000) view.fitted.clear();
  view.fitted.set(key, fitted);
  return fitted;
}

// Buttons stand in the row under the pointer and in the focused row; on touch screens in every row of an action
// column. Buttons over a data cell keep to the half (calls or puts) that is pointed at.
export function overlayShown(view, place, row) {
  const { column } = place;
  if (!column.actions.length) return false;
  const id = view.store.ids[row];
  if (column.kind === "action" && view.coarse) return true;
  if (view.hover?.id === id) return column.kind === "action" || sameGroup(column, view.hover.column);
  if (view.focusVisible && view.focus.id === id) {
    return column.kind === "action" || sameGroup(column, view.store.byKey.get(view.focus.key));
  }
  return false;
}

function sameGroup(column, other) {
  return !other || column.group === other.group;
}

function paintActions(view, place, rows) {
  for (let position = rows.first; position < rows.last; position++) {
    const row = view.store.order[position];
    if (!overlayShown(view, place, row)) continue;
    for (const box of actionBoxes(place, view.measureSmall)) {
      if (view.store.allows(box.action, row)) paintAction(view, place, box, row, view.rowY(position));
    }
  }
}

function paintAction(view, place, box, row, y) {
  const { ctx, palette, rowHeight } = view;
  const id = view.store.ids[row];
  const pointed = view.hover?.id === id && view.hover.action?.key === box.action.key
    && view.hover.column === place.column;
  const focused = view.focusVisible && view.focus.id === id && view.focus.key === place.column.key
    && view.focus.action === box.action.key;
  const tone = { buy: "buy-fill", sell: "sell-fill", danger: "down-fill" }[box.action.tone];
  const left = place.x + box.x;
  ctx.beginPath();
  ctx.roundRect(left, y + 3, box.width, rowHeight - 6, 3);
  ctx.fillStyle = tone ? palette[tone] : pointed ? palette.line : palette.panel;
  ctx.globalAlpha = view.guarded() ? 0.35 : 1;
  ctx.fill();
  if (focused || pointed || !tone) {
    ctx.strokeStyle = focused ? palette.accent : pointed ? palette.text : palette.line;
    ctx.lineWidth = focused ? 2 : 1;
    ctx.stroke();
  }
  ctx.fillStyle = tone ? "#ffffff" : palette.text;
  ctx.font = palette.smallFont;
  ctx.textAlign = "center";
  ctx.fillText(box.action.title, left + box.width / 2, y + rowHeight / 2);
  ctx.globalAlpha = 1;
}
