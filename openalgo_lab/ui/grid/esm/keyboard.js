// Keys of the focused grid. Lab's own shortcuts are held off for exactly the keys that the grid uses.

import { clearSelection, copyText, emitAction, emitCell, modifiers, select, selectAll } from "./actions.js";

const MOVES = new Set([
  "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown",
]);

export function listenKeys(view, signal) {
  const { table } = view;
  table.addEventListener("keydown", (event) => {
    if (event.target === table && press(view, event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, { signal });
  table.addEventListener("copy", (event) => {
    const text = event.target === table ? copyText(view) : "";
    if (!text) return;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    event.stopPropagation();
  }, { signal });
  // JupyterLab listens on the document in the capture phase and skips elements marked so.
  window.addEventListener("keydown", (event) => {
    table.toggleAttribute("data-lm-suppress-shortcuts", event.target === table && isOurs(view, event));
  }, { signal, capture: true });
}

function isOurs(view, event) {
  if (event.ctrlKey || event.metaKey) return /^[ca]$/i.test(event.key) || MOVES.has(event.key);
  if (event.altKey) return false;
  return MOVES.has(event.key) || event.key === "Enter" || event.key === " " || event.key === "Escape"
    || view.store.spec.keys.includes(event.key) || shortcutOf(view, event.key) !== null;
}

// → whether the key was ours.
function press(view, event) {
  if (!isOurs(view, event)) return false;
  if (event.ctrlKey || event.metaKey) {
    if (/^c$/i.test(event.key)) return false; // the browser's own copy event carries the text
    if (/^a$/i.test(event.key)) {
      if (view.store.spec.selection === "multi") selectAll(view);
      return true;
    }
  }
  if (MOVES.has(event.key)) move(view, event);
  else if (event.repeat) return true; // a key held down is one press: it may trade
  else if (event.key === "Escape") escape(view, event);
  else if (view.focus.id === null) return event.key === "Enter" || event.key === " ";
  else if (event.key === "Enter") enter(view, event);
  else if (event.key === " ") select(view, view.focus.id, view.store.spec.selection === "multi" ? asToggle(event) : event);
  else letter(view, event);
  return true;
}

function asToggle(event) {
  return { shiftKey: event.shiftKey, ctrlKey: !event.shiftKey, metaKey: false };
}

function escape(view, event) {
  if (view.focus.action) view.setFocus(view.focus.id, view.focus.key, "");
  else clearSelection(view);
  if (view.store.spec.keys.includes("Escape")) letter(view, event);
}

function enter(view, event) {
  const { id, key, action } = view.focus;
  const column = view.store.byKey.get(key);
  const chosen = column.actions.find((candidate) => candidate.key === action);
  if (chosen) emitAction(view, id, column, chosen, event);
  else {
    select(view, id, event);
    emitCell(view, "click", id, key, event);
  }
}

function letter(view, event) {
  const { id, key } = view.focus;
  const found = shortcutOf(view, event.key);
  if (found) emitAction(view, id, found.column, found.action, event);
  else view.store.emit({ type: "key", row: id, column: key, key: event.key, ...modifiers(event) });
}

// The action of that letter in the focused column, else in its group, else anywhere outside the other groups.
function shortcutOf(view, key) {
  const letterKey = key.toLowerCase();
  const focused = view.store.byKey.get(view.focus.key);
  const columns = view.places.map((place) => place.column);
  const near = (column) => (column === focused ? 0 : column.group === focused?.group ? 1 : column.group ? 3 : 2);
  for (const column of columns.sort((a, b) => near(a) - near(b))) {
    if (focused?.group && near(column) === 3) continue;
    const action = column.actions.find((candidate) => candidate.shortcut && candidate.shortcut === letterKey);
    if (action) return { column, action };
  }
  return null;
}

function move(view, event) {
  const { store, places, focus } = view;
  if (!store.n || !places.length) return;
  const far = event.ctrlKey || event.metaKey;
  const column = Math.max(0, places.findIndex((place) => place.column.key === focus.key));
  const position = view.positionOf(focus.id);
  if (position === undefined) {
    const first = view.paintedRows.first;
    view.setFocus(store.ids[store.order[Math.min(first, store.n - 1)]], places[column].column.key, "");
    return;
  }
  const page = Math.max(1, Math.floor((view.height - view.headerHeight) / view.rowHeight) - 1);
  switch (event.key) {
    case "ArrowUp": return goRow(view, event, position - 1);
    case "ArrowDown": return goRow(view, event, position + 1);
    case "PageUp": return goRow(view, event, position - page);
    case "PageDown": return goRow(view, event, position + page);
    case "Home": return far ? goRow(view, event, 0) : goColumn(view, 0);
    case "End": return far ? goRow(view, event, store.n - 1) : goColumn(view, places.length - 1);
    default: return sideways(view, column, event.key === "ArrowRight" ? 1 : -1);
  }
}

function goRow(view, event, wanted) {
  const position = Math.max(0, Math.min(view.store.n - 1, wanted));
  const id = view.store.ids[view.store.order[position]];
  const extend = event.shiftKey && view.store.spec.selection === "multi";
  if (extend && view.anchor === null) view.anchor = view.focus.id;
  view.setFocus(id, view.focus.key || view.places[0].column.key, "");
  if (extend) select(view, id, { shiftKey: true });
}

function goColumn(view, index) {
  view.setFocus(view.focus.id, view.places[index].column.key, "");
}

// Left and right stop at each button of a cell on the way.
function sideways(view, column, step) {
  const stops = view.places.flatMap((place, index) => stopsOf(view, place, index));
  const here = stops.findIndex((stop) => stop.index === column && stop.action === view.focus.action);
  const next = stops[Math.max(0, Math.min(stops.length - 1, here + step))];
  view.setFocus(view.focus.id, view.places[next.index].column.key, next.action);
}

function stopsOf(view, place, index) {
  const row = view.store.at.get(view.focus.id);
  const usable = place.column.actions.filter((action) => view.store.allows(action, row));
  const buttons = usable.map((action) => ({ index, action: action.key }));
  return place.column.kind === "action" && buttons.length ? buttons : [{ index, action: "" }, ...buttons];
}
