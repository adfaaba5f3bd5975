// What a press means: click, double click, action, selection, copy. Shared by mouse, touch and keyboard.

export function modifiers(event) {
  return { shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey, alt: event.altKey };
}

export function emitAction(view, id, column, action, event) {
  const row = view.store.at.get(id);
  if (row === undefined || !view.store.allows(action, row)) return;
  view.store.emit({ type: "action", row: id, column: column.key, action: action.key, ...modifiers(event) });
}

export function emitCell(view, type, id, key, event) {
  view.store.emit({ type, row: id, column: key, ...modifiers(event) });
}

export function select(view, id, event) {
  const mode = view.store.spec.selection;
  if (mode === "none") return;
  const before = [...view.selection].join();
  if (mode === "multi" && event.shiftKey && view.anchor !== null) extendTo(view, id);
  else if (mode === "multi" && (event.ctrlKey || event.metaKey)) toggle(view, id);
  else {
    view.selection = new Set([id]);
    view.anchor = id;
  }
  if ([...view.selection].join() !== before) tellSelection(view);
}

function extendTo(view, id) {
  const from = view.positionOf(view.anchor);
  const to = view.positionOf(id);
  if (from === undefined || to === undefined) return;
  const { store } = view;
  const rows = store.order.slice(Math.min(from, to), Math.max(from, to) + 1);
  view.selection = new Set(rows.map((row) => store.ids[row]));
}

function toggle(view, id) {
  view.anchor = id;
  if (!view.selection.delete(id)) view.selection.add(id);
}

export function clearSelection(view) {
  if (!view.selection.size) return;
  view.selection = new Set();
  view.anchor = null;
  tellSelection(view);
}

export function selectAll(view) {
  view.selection = new Set(view.store.order.map((row) => view.store.ids[row]));
  tellSelection(view);
}

function tellSelection(view) {
  view.store.emit({ type: "select", rows: [...view.selection] });
  view.invalidate();
}

// Tab-separated exact values of the visible columns; several rows come with the titles.
export function rowsAsText(view, ids, withHeader) {
  const columns = view.places.map((place) => place.column).filter((column) => column.kind !== "action");
  const clean = (text) => text.replace(/[\t\r\n]+/g, " ");
  const lines = ids
    .filter((id) => view.store.at.has(id))
    .map((id) => columns.map((column) => clean(view.store.exactText(column, view.store.at.get(id)))).join("\t"));
  const titles = columns.map((column) => clean([column.group, column.title].filter(Boolean).join(" ")));
  return (withHeader ? [titles.join("\t"), ...lines] : lines).join("\n");
}

// The selection in display order, or the focused row.
export function copyText(view) {
  const { store } = view;
  const chosen = store.order.map((row) => store.ids[row]).filter((id) => view.selection.has(id));
  const ids = chosen.length ? chosen : view.focus.id === null ? [] : [view.focus.id];
  return rowsAsText(view, ids, ids.length > 1);
}
