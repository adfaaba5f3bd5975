// The user's choice of columns and widths, remembered by the browser under the grid's name.

export class Prefs {
  constructor(view) {
    this.view = view;
    this.storageKey = "oal-grid:" + view.store.spec.name;
    this.clear();
    const saved = readSaved(this.storageKey);
    this.restored = saved !== null;
    if (!saved) return;
    const known = (key) => view.store.byKey.has(key);
    this.hidden = new Set(saved.hidden.filter((key) => known(key) && !view.store.byKey.get(key).pinned));
    this.wanted = new Set(saved.wanted.filter(known));
    for (const [key, width] of Object.entries(saved.widths)) {
      if (known(key) && Number.isFinite(width)) this.widths[key] = width;
    }
  }

  clear() {
    this.hidden = new Set(this.view.store.columns.filter((column) => column.hidden).map((column) => column.key));
    this.wanted = new Set();
    this.widths = {};
  }

  // A narrow view leaves out what asks for more room, unless the user wanted it.
  shows(column, viewWidth) {
    return !this.hidden.has(column.key) && (column.min_view <= viewWidth || this.wanted.has(column.key));
  }

  save() {
    writeSaved(this.storageKey, { hidden: [...this.hidden], wanted: [...this.wanted], widths: this.widths });
  }

  // Without a width: the declared one again.
  setWidth(key, width) {
    if (width === undefined) delete this.widths[key];
    else this.widths[key] = width;
    this.view.arrange();
    if (!this.view.resizing) this.save();
  }

  // While one edge is dragged nothing to its left moves.
  hold(edge) {
    const { places } = this.view;
    for (const place of places.slice(0, places.indexOf(edge))) this.widths[place.column.key] = place.width;
  }

  show(key, shown) {
    if (shown) this.hidden.delete(key);
    else this.hidden.add(key);
    if (shown) this.wanted.add(key);
    else this.wanted.delete(key);
    this.changed();
  }

  reset() {
    this.clear();
    this.changed();
  }

  changed() {
    this.save();
    this.view.arrange();
    this.report();
  }

  report() {
    const columns = this.view.places.map((place) => place.column.key);
    this.view.store.emit({ type: "columns", columns });
  }
}

// A private window may refuse storage; the choice then lasts as long as the page.
function readSaved(key) {
  try {
    const saved = JSON.parse(localStorage.getItem(key));
    if (!saved || !Array.isArray(saved.hidden) || typeof saved.widths !== "object" || !saved.widths) return null;
    return { ...saved, wanted: Array.isArray(saved.wanted) ? saved.wanted : [] };
  } catch {
    return null;
  }
}

function writeSaved(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    return;
  }
}
