// One frame of one view: cells, lines, header, focus ring. Unpinned columns first, pinned ones over them.

import { FLAG } from "./store.js";
import { visibleRows } from "./geometry.js";
import { paintColumn } from "./paint_cells.js";

export function paintView(view) {
  const { ctx, palette, store } = view;
  view.now = performance.now();
  view.tinted = false;
  view.silent = store.contactLost;
  ctx.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  ctx.textBaseline = "middle";
  ctx.fillStyle = palette.background;
  ctx.fillRect(0, 0, view.width, view.height);
  const rows = visibleRows(store, view.scrollY, view.height - view.headerHeight, view.rowHeight);
  const shown = view.places.filter((place) => place.x < view.width && place.x + place.width > 0);
  for (const place of shown) if (!place.column.pinned) paintColumn(view, place, rows);
  for (const place of shown) if (place.column.pinned) paintColumn(view, place, rows);
  paintLines(view, rows);
  paintFocus(view);
  paintHeader(view, shown);
  view.paintedRows = rows;
  view.paintedColumns = new Set(shown.map((place) => place.column.key));
}

function paintLines(view, rows) {
  const { ctx, palette, store, rowHeight } = view;
  for (let position = rows.first; position < rows.last; position++) {
    const y = view.rowY(position);
    const flags = store.flags[store.order[position]];
    ctx.fillStyle = palette.line;
    ctx.globalAlpha = 0.6;
    ctx.fillRect(0, y + rowHeight - 1, view.width, 1);
    ctx.globalAlpha = 1;
    if (flags & FLAG.ATM) {
      ctx.fillStyle = palette.accent;
      ctx.fillRect(0, y, view.width, 1);
      ctx.fillRect(0, y + rowHeight - 1, view.width, 1);
    }
    if (flags & (FLAG.OWN_BUY | FLAG.OWN_SELL)) {
      ctx.fillStyle = flags & FLAG.OWN_BUY ? palette.buy : palette.sell;
      ctx.fillRect(0, y + 1, 4, rowHeight - 2);
    }
  }
}

function paintFocus(view) {
  const place = view.focusVisible && view.placeOf(view.focus.key);
  const position = view.positionOf(view.focus.id);
  if (!place || position === undefined || view.focus.action) return;
  const { ctx } = view;
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, view.headerHeight, view.width, view.height - view.headerHeight);
  ctx.clip();
  ctx.strokeStyle = view.palette.accent;
  ctx.lineWidth = 2;
  ctx.strokeRect(place.x + 1, view.rowY(position) + 1, place.width - 2, view.rowHeight - 2);
  ctx.restore();
}

function paintHeader(view, shown) {
  const { ctx, palette } = view;
  ctx.fillStyle = palette.panel;
  ctx.fillRect(0, 0, view.width, view.headerHeight);
  if (view.grouped) paintGroups(view, shown);
  for (const place of shown) if (!place.column.pinned) paintTitle(view, place);
  for (const place of shown) if (place.column.pinned) paintTitle(view, place);
  ctx.fillStyle = palette.line;
  ctx.fillRect(0, view.headerHeight - 1, view.width, 1);
}

function paintTitle(view, place) {
  const { ctx, palette, store, headerHeight, titleHeight } = view;
  const { column } = place;
  const top = headerHeight - titleHeight;
  ctx.save();
  ctx.beginPath();
  ctx.rect(place.x, top, place.width, titleHeight - 1);
  ctx.clip();
  ctx.fillStyle = palette.panel;
  ctx.fillRect(place.x, top, place.width, titleHeight);
  const sorted = store.sort.key === column.key ? (store.sort.order === "asc" ? " ↑" : " ↓") : "";
  ctx.font = palette.smallFont;
  ctx.fillStyle = sorted ? palette.text : palette["muted-text"];
  ctx.textAlign = column.align;
  const limit = view.grouped ? view.width : view.width - view.menuWidth; // the chooser's button is in the corner
  const right = Math.min(place.x + place.width - 6, limit);
  const x = column.align === "right" ? right : column.align === "left" ? place.x + 6 : place.x + place.width / 2;
  ctx.fillText(column.title + sorted, x, top + titleHeight / 2);
  if (view.edge === column.key) {
    ctx.fillStyle = palette.accent;
    ctx.fillRect(place.x + place.width - 2, top, 2, titleHeight);
  }
  ctx.restore();
}

// One title over each run of neighbouring columns of one group, kept in the visible part of its run.
function paintGroups(view, shown) {
  const { ctx, palette } = view;
  const height = view.headerHeight - view.titleHeight;
  const blocked = shown.filter((place) => place.column.pinned);
  ctx.font = palette.smallFont;
  ctx.textAlign = "center";
  for (const run of groupRuns(view.places)) {
    let left = Math.max(0, run.left);
    let right = Math.min(view.width, run.right);
    for (const pin of run.pinned ? [] : blocked) {
      if (pin.x <= left) left = Math.max(left, pin.x + pin.width);
      else if (pin.x < right) right = Math.min(right, pin.x);
    }
    const title = run.group.toUpperCase();
    if (right - left < 24 || view.measureSmall(title) > right - left) continue;
    ctx.fillStyle = palette["muted-text"];
    ctx.fillText(title, (left + right) / 2, height / 2 + 1);
    ctx.fillStyle = palette.line;
    ctx.fillRect(left + 4, height - 1, right - left - 8, 1);
  }
}

function groupRuns(places) {
  const runs = [];
  for (const place of places) {
    const { group, pinned } = place.column;
    const last = runs[runs.length - 1];
    if (last && last.group === group && last.pinned === pinned) last.right = place.x + place.width;
    else runs.push({ group, pinned, left: place.x, right: place.x + place.width });
  }
  return runs.filter((run) => run.group && run.group !== "strike");
}
