// The accessible twin: a visually hidden ARIA grid that holds the header and the focused row as text.

let serial = 0;

export class Twin {
  constructor(view) {
    this.view = view;
    this.prefix = "oal-grid-" + (serial += 1) + "-" + Math.random().toString(36).slice(2, 8) + "-";
    const { table } = view;
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", view.store.spec.label);
    if (view.store.spec.selection === "multi") table.setAttribute("aria-multiselectable", "true");
    this.body = hidden("div", "rowgroup");
    this.live = hidden("div", "status");
    this.live.setAttribute("aria-live", "polite");
    table.append(this.body);
    view.root.append(this.live);
    this.written = 0;
  }

  // Sizes, header and focused row, after anything that changes which cells there are.
  rebuild() {
    const { view } = this;
    const { store, table } = view;
    table.setAttribute("aria-rowcount", String(store.n + 1));
    table.setAttribute("aria-colcount", String(view.places.length));
    const header = element("div", "row");
    header.setAttribute("aria-rowindex", "1");
    view.places.forEach(({ column }, index) => {
      const cell = element("div", "columnheader");
      cell.setAttribute("aria-colindex", String(index + 1));
      if (store.sort.key === column.key) {
        cell.setAttribute("aria-sort", store.sort.order === "asc" ? "ascending" : "descending");
      }
      cell.textContent = [column.group, column.tooltip || column.title].filter(Boolean).join(" ");
      header.append(cell);
    });
    this.body.replaceChildren(header);
    this.row = null;
    this.focusMoved(false);
  }

  focusMoved(speak = true) {
    const { view } = this;
    const position = view.positionOf(view.focus.id);
    this.row?.remove();
    this.row = null;
    if (position === undefined) {
      view.table.removeAttribute("aria-activedescendant");
      return;
    }
    this.row = this.buildRow(position);
    this.body.append(this.row);
    const index = view.places.findIndex((place) => place.column.key === view.focus.key);
    const cell = this.row.children[index];
    const button = view.focus.action && cell?.querySelector(`[data-action="${CSS.escape(view.focus.action)}"]`);
    if (cell) view.table.setAttribute("aria-activedescendant", (button || cell).id);
    if (speak && cell) this.live.textContent = this.spoken(position, index);
  }

  // Ticks reach the focused row's text once a second at most, and never the live region.
  refresh() {
    if (!this.row || this.view.now - this.written < 1000) return;
    this.written = this.view.now;
    const position = this.view.positionOf(this.view.focus.id);
    if (position === undefined) return;
    const row = this.view.store.order[position];
    this.view.places.forEach(({ column }, index) => {
      const text = this.row.children[index]?.firstChild;
      const now = this.view.store.cellText(column, row);
      if (text && text.nodeType === Node.TEXT_NODE && text.data !== now) text.data = now;
    });
  }

  buildRow(position) {
    const { view, prefix } = this;
    const { store } = view;
    const row = store.order[position];
    const line = element("div", "row");
    line.setAttribute("aria-rowindex", String(position + 2));
    line.setAttribute("aria-selected", String(view.selection.has(store.ids[row])));
    view.places.forEach(({ column }, index) => {
      const cell = element("div", "gridcell");
      cell.id = prefix + index;
      cell.setAttribute("aria-colindex", String(index + 1));
      cell.append(document.createTextNode(store.cellText(column, row)));
      for (const action of column.actions) {
        if (store.allows(action, row)) cell.append(actionButton(view, column, action, row, prefix));
      }
      line.append(cell);
    });
    return line;
  }

  spoken(position, index) {
    const { view } = this;
    const { store } = view;
    const row = store.order[position];
    const { column } = view.places[index];
    if (view.focus.action) {
      const action = column.actions.find((candidate) => candidate.key === view.focus.action);
      return `${action?.name ?? ""}, ${this.rowName(row)}`;
    }
    const title = [column.group, column.tooltip || column.title].filter(Boolean).join(" ");
    return `${this.rowName(row)}, ${title} ${store.cellText(column, row) || "empty"}`;
  }

  // The pinned column names a row (the strike, the symbol), else the first.
  rowName(row) {
    const { places, store } = this.view;
    const naming = places.find((place) => place.column.pinned) ?? places[0];
    return naming ? store.cellText(naming.column, row) : "";
  }
}

function actionButton(view, column, action, row, prefix) {
  const button = element("span", "button");
  button.id = prefix + column.key + "-" + action.key;
  button.dataset.action = action.key;
  button.setAttribute("aria-label", action.name);
  button.textContent = " " + action.title;
  const id = view.store.ids[row];
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    view.store.emit({ type: "action", row: id, column: column.key, action: action.key });
  });
  return button;
}

function element(tag, role) {
  const made = document.createElement(tag);
  made.setAttribute("role", role);
  return made;
}

function hidden(tag, role) {
  const made = element(tag, role);
  made.className = "oal-hidden";
  return made;
}
