// Mouse and touch. A press counts for the row it was aimed at: when rows have just moved under the pointer, or the
// button goes up over another row than it went down on, nothing is sent.

import { emitAction, emitCell, select } from "./actions.js";
import { MIN_WIDTH } from "./geometry.js";

const GUARD_MS = 350;

export function listenPointer(view, signal) {
  const { scroller } = view;
  const on = (type, handler) => scroller.addEventListener(type, handler, { signal });
  on("pointerdown", (event) => down(view, event));
  on("pointermove", (event) => moved(view, event));
  on("pointerup", (event) => up(view, event));
  on("pointercancel", () => endResize(view));
  on("pointerleave", () => leave(view));
  on("click", (event) => click(view, event));
  on("dblclick", (event) => doubleClick(view, event));
  on("focus", () => view.table.focus({ preventScroll: true })); // a press focuses the scroller, the keys are the table's
}

function point(view, event) {
  const box = view.scroller.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function down(view, event) {
  if (event.button !== 0) return;
  view.table.focus({ preventScroll: true });
  const at = point(view, event);
  view.pressed = view.hitAt(at.x, at.y);
  if (view.pressed.zone !== "header" || !view.pressed.edge) return;
  view.resizing = { place: view.pressed.edge, from: at.x, width: view.pressed.edge.width };
  view.prefs.hold(view.pressed.edge);
  view.scroller.setPointerCapture(event.pointerId);
  event.preventDefault();
}

function moved(view, event) {
  const at = point(view, event);
  if (view.resizing) {
    const width = view.resizing.width + at.x - view.resizing.from;
    view.prefs.setWidth(view.resizing.place.column.key, Math.max(MIN_WIDTH, Math.round(width)));
    return;
  }
  if (event.pointerType === "touch") return;
  view.pointer = at;
  view.hoverAt();
}

function up(view, event) {
  if (!view.resizing) return;
  view.scroller.releasePointerCapture(event.pointerId);
  view.pressed = null;
  endResize(view);
}

function endResize(view) {
  if (!view.resizing) return;
  view.resizing = null;
  view.prefs.save();
}

function leave(view) {
  view.pointer = null;
  view.hoverAt();
}

function click(view, event) {
  const at = point(view, event);
  const hit = view.hitAt(at.x, at.y);
  const { pressed } = view;
  view.pressed = null;
  if (!pressed || hit.zone !== pressed.zone || hit.place?.column !== pressed.place?.column) return;
  if (hit.zone === "header") return header(view, hit);
  if (hit.zone !== "body" || hit.id !== pressed.id || view.guarded()) return;
  const { column } = hit.place;
  if (hit.action || pressed.action) {
    if (hit.action === pressed.action) emitAction(view, hit.id, column, hit.action, event);
    return;
  }
  view.setFocus(hit.id, column.key, "");
  select(view, hit.id, event);
  emitCell(view, "click", hit.id, column.key, event);
}

function doubleClick(view, event) {
  const at = point(view, event);
  const hit = view.hitAt(at.x, at.y);
  if (hit.zone === "header" && hit.edge) return view.prefs.setWidth(hit.edge.column.key, undefined);
  if (hit.zone !== "body" || hit.action || view.guarded()) return;
  emitCell(view, "dblclick", hit.id, hit.place.column.key, event);
}

function header(view, hit) {
  const { store } = view;
  const column = hit.place?.column;
  if (!store.spec.sortable || !column?.sortable || column.kind === "action" || hit.edge) return;
  const cycle = column.slot < 0 ? ["asc", "desc", ""] : ["desc", "asc", ""];
  const now = store.sort.key === column.key ? store.sort.order : "";
  store.setSort(column.key, cycle[(cycle.indexOf(now) + 1) % 3]);
  view.twin.rebuild();
}

// Rows have come, gone or changed places: hold presses off when that changed what the pointer stands on.
export function aimedAt(view) {
  if (!view.coarse) return view.pointer ? view.hitAt(view.pointer.x, view.pointer.y).id ?? "" : "";
  const { first, last } = view.paintedRows;
  return view.store.order.slice(first, last).map((row) => view.store.ids[row]).join();
}

export function guard(view, before) {
  if (before === "" || aimedAt(view) === before) return;
  view.guardUntil = performance.now() + GUARD_MS;
  setTimeout(() => view.invalidate(), GUARD_MS + 10);
}
