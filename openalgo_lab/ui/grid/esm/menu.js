// The column chooser: a button in the header's corner and a menu of checkboxes. Plain DOM, since it is rare.

import { rowsAsText } from "./actions.js";

export function buildMenu(view, signal) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "oal-grid-menu-button";
  button.textContent = "⋮";
  button.title = "Columns";
  button.setAttribute("aria-label", "Columns of " + view.store.spec.label);
  button.setAttribute("aria-haspopup", "true");
  button.setAttribute("aria-expanded", "false");
  let menu = null;
  const close = (refocus) => {
    menu?.remove();
    menu = null;
    button.setAttribute("aria-expanded", "false");
    if (refocus) button.focus();
  };
  button.addEventListener("click", () => {
    if (menu) return close(false);
    menu = menuElement(view, () => close(true));
    view.root.append(menu);
    button.setAttribute("aria-expanded", "true");
    menu.querySelector("input, button")?.focus();
  }, { signal });
  view.root.addEventListener("keydown", (event) => {
    if (!menu || event.target === view.table) return;
    event.stopPropagation();
    if (event.key === "Escape") close(true);
  }, { signal });
  document.addEventListener("pointerdown", (event) => {
    if (menu && !menu.contains(event.target) && event.target !== button) close(false);
  }, { signal, capture: true });
  return button;
}

function menuElement(view, close) {
  const menu = document.createElement("div");
  menu.className = "oal-grid-menu";
  menu.setAttribute("role", "group");
  menu.setAttribute("aria-label", "Shown columns");
  menu.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const column of view.store.columns) menu.append(checkbox(view, column));
  menu.append(
    entry("Reset columns", () => view.prefs.reset(), close),
    entry("Copy all rows", () => copyAll(view), close),
  );
  return menu;
}

function checkbox(view, column) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = view.prefs.shows(column, view.width);
  box.disabled = column.pinned;
  box.addEventListener("change", () => view.prefs.show(column.key, box.checked));
  const name = column.tooltip || column.title || column.key;
  label.append(box, document.createTextNode([column.group, name].filter(Boolean).join(" · ")));
  return label;
}

function entry(text, run, close) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", () => {
    run();
    close();
  });
  return button;
}

async function copyAll(view) {
  const ids = view.store.order.map((row) => view.store.ids[row]);
  try {
    await navigator.clipboard.writeText(rowsAsText(view, ids, true));
    view.twin.live.textContent = `${ids.length} rows copied`;
  } catch {
    view.twin.live.textContent = "The browser refused the clipboard; select rows and press Ctrl+C instead.";
  }
}
