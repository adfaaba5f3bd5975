// One view of a store: DOM, sizes, scrolling, hover, focus, the user's column choice.

import { FLAG } from "./store.js";
import { actionBoxes, columnAt, edgeAt, placeColumns, scrollColumns } from "./geometry.js";
import { overlayShown } from "./paint_cells.js";
import { paintView } from "./paint.js";
import { readPalette, watchTheme } from "./palette.js";
import { Twin } from "./twin.js";
import { listenKeys } from "./keyboard.js";
import { aimedAt, guard, listenPointer } from "./pointer.js";
import { buildMenu } from "./menu.js";
import { Prefs } from "./prefs.js";
import { testHooks } from "./hooks.js";

const TITLE_HEIGHT = 24;
const GROUP_HEIGHT = 20;
const TOUCH_ROW = 32;

export class View {
  constructor(store, host, signal) {
    this.store = store;
    this.signal = signal;
    this.hover = null;
    this.pointer = null;
    this.pressed = null;
    this.resizing = null;
    this.edge = "";
    this.guardUntil = 0;
    this.focus = { id: null, key: "", action: "" };
    this.focusVisible = false;
    this.selection = new Set();
    this.anchor = null;
    this.fitted = new Map();
    this.smallWidths = new Map();
    this.paintedRows = { first: 0, last: 0 };
    this.paintedColumns = new Set();
    this.places = [];
    this.onScreen = true;
    this.width = this.height = 0;
    this.measureSmall = (text) => this.smallWidth(text);
    this.prefs = new Prefs(this);
    this.build(host);
    this.watch();
    store.views.add(this);
    signal.addEventListener("abort", () => store.views.delete(this));
    this.readTheme();
    this.resize();
    this.afterRows();
    if (this.prefs.restored) this.prefs.report();
  }

  build(host) {
    const { spec } = this.store;
    this.root = make("div", "oal-grid");
    this.table = make("div", "oal-grid-table"); // what has the focus and is the ARIA grid
    this.table.tabIndex = 0;
    this.root.dataset.grid = spec.name;
    this.root.style.height = spec.height;
    this.canvas = make("canvas", "oal-grid-canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.scroller = make("div", "oal-grid-scroller");
    this.scroller.tabIndex = -1;
    this.scroller.setAttribute("role", "presentation");
    this.spacer = make("div", "oal-grid-spacer");
    this.scroller.append(this.spacer);
    this.ctx = this.canvas.getContext("2d", { alpha: false });
    this.table.append(this.scroller, this.canvas);
    this.root.append(this.table);
    this.twin = new Twin(this);
    this.empty = make("div", "oal-grid-empty");
    this.pill = make("button", "oal-grid-pill");
    this.pill.type = "button";
    this.pill.addEventListener("click", () => this.center(this.atmId), { signal: this.signal });
    this.notice = make("div", "oal-grid-notice");
    this.notice.setAttribute("aria-hidden", "true"); // it counts seconds; the live region says it once
    this.root.append(this.empty, this.pill, this.notice, buildMenu(this, this.signal));
    this.root.__grid = testHooks(this);
    host.append(this.root);
  }

  watch() {
    const { signal } = this;
    listenPointer(this, signal);
    listenKeys(this, signal);
    watchTheme(() => this.readTheme(), signal);
    this.scroller.addEventListener("scroll", () => this.scrolled(), { signal, passive: true });
    for (const type of ["focus", "blur"]) {
      this.table.addEventListener(type, () => {
        this.focusVisible = document.activeElement === this.table;
        this.invalidate();
      }, { signal });
    }
    document.addEventListener("visibilitychange", () => this.appeared(), { signal });
    this.queries = ["(pointer: coarse)", "(prefers-reduced-motion: reduce)"].map((query) => matchMedia(query));
    for (const query of this.queries) query.addEventListener("change", () => this.resize(), { signal });
    const sizes = new ResizeObserver(() => this.resize());
    sizes.observe(this.scroller);
    const screen = new IntersectionObserver((entries) => {
      this.onScreen = entries[entries.length - 1].isIntersecting;
      this.appeared();
    });
    screen.observe(this.root);
    signal.addEventListener("abort", () => {
      sizes.disconnect();
      screen.disconnect();
      clearTimeout(this.tintTimer);
    });
  }

  get visible() {
    return this.onScreen && this.width > 0 && this.height > 0;
  }

  appeared() {
    if (!this.visible || document.hidden) return;
    this.invalidate();
    this.store.resume();
  }

  readTheme() {
    this.palette = readPalette(this.root);
    this.ctx.font = this.palette.numberFont;
    this.charWidth = this.ctx.measureText("W").width;
    this.fitted.clear();
    this.smallWidths.clear();
    this.invalidate();
  }

  smallWidth(text) {
    let width = this.smallWidths.get(text);
    if (width === undefined) {
      const { font } = this.ctx;
      this.ctx.font = this.palette.smallFont;
      width = this.ctx.measureText(text).width;
      this.ctx.font = font;
      this.smallWidths.set(text, width);
    }
    return width;
  }

  resize() {
    // Jupyter renders before it attaches: only an element on screen has computed variables.
    if (!this.width && this.scroller.clientWidth) this.readTheme();
    this.coarse = this.queries[0].matches;
    this.motion = !this.queries[1].matches;
    this.rowHeight = this.coarse ? Math.max(TOUCH_ROW, this.store.spec.row_height) : this.store.spec.row_height;
    this.width = this.scroller.clientWidth;
    this.height = this.scroller.clientHeight;
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.canvas.style.width = this.width + "px";
    this.canvas.style.height = this.height + "px";
    this.arrange();
    this.followAtm();
  }

  // Columns or the number of rows have changed.
  arrange() {
    this.grouped = this.store.columns.some((column) => column.group && this.prefs.shows(column, this.width));
    this.titleHeight = this.coarse ? TOUCH_ROW : TITLE_HEIGHT;
    this.headerHeight = this.titleHeight + (this.grouped ? (this.coarse ? TOUCH_ROW : GROUP_HEIGHT) : 0);
    this.menuWidth = this.coarse ? 36 : 24;
    const { places, total } = placeColumns(this.store.columns, this.prefs, this.width);
    this.places = places;
    this.spacer.style.width = total + "px";
    this.spacer.style.height = this.headerHeight + this.store.n * this.rowHeight + "px";
    if (!this.scrolledSideways) this.centerPinned(total);
    scrollColumns(places, this.scroller.scrollLeft, this.width);
    if (!places.some((place) => place.column.key === this.focus.key)) this.focus.key = places[0]?.column.key ?? "";
    this.twin.rebuild();
    this.invalidate();
  }

  // A chain too wide for its view starts with the strike in the middle.
  centerPinned(total) {
    const middle = this.places.find((place, index) => place.column.pinned && index > 0);
    if (!middle || total <= this.width) return;
    this.scroller.scrollLeft = this.expectedLeft = Math.round(middle.natural + (middle.width - this.width) / 2);
  }

  get scrollY() {
    return this.scroller.scrollTop;
  }

  scrolled() {
    if (Math.abs(this.scroller.scrollTop - (this.expectedTop ?? 0)) > 1) this.userScrolled = true;
    if (Math.abs(this.scroller.scrollLeft - (this.expectedLeft ?? 0)) > 1) this.scrolledSideways = true;
    this.expectedTop = this.scroller.scrollTop;
    this.expectedLeft = this.scroller.scrollLeft;
    scrollColumns(this.places, this.scroller.scrollLeft, this.width);
    this.hoverAt();
    this.invalidate();
  }

  rowY(position) {
    return this.headerHeight + position * this.rowHeight - this.scrollY;
  }

  placeOf(key) {
    return this.places.find((place) => place.column.key === key);
  }

  positionOf(id) {
    const row = this.store.at.get(id);
    return row === undefined ? undefined : this.store.place.get(row);
  }

  // Painting

  invalidate() {
    if (this.requested || this.signal.aborted) return;
    this.requested = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.requested = false;
    if (this.signal.aborted || !this.visible) return;
    if (this.ratio !== (window.devicePixelRatio || 1)) this.resize();
    if (!this.palette.background) this.readTheme();
    const start = performance.now();
    paintView(this);
    this.store.painted(performance.now() - start);
    this.twin.refresh();
    this.notices();
    clearTimeout(this.tintTimer);
    if (this.tinted) this.tintTimer = setTimeout(() => this.invalidate(), this.palette.tintMs + 20);
  }

  notices() {
    const silence = this.silent ? Math.round((performance.now() - this.store.heard) / 1000) : 0;
    const text = silence ? `Not updated for ${silence} s: the kernel does not answer` : "";
    if (text && !this.notice.textContent) this.twin.live.textContent = "Not updated: the kernel does not answer";
    if (this.notice.textContent !== text) this.notice.textContent = text;
    const position = this.positionOf(this.atmId);
    const { first, last } = this.paintedRows;
    const away = position !== undefined && (position < first || position >= last);
    this.pill.hidden = !(this.store.spec.follow_atm && away);
    if (away) this.pill.textContent = position < first ? "ATM ↑" : "ATM ↓";
  }

  // Rows

  beforeRows() {
    this.aim = aimedAt(this);
  }

  afterRows() {
    const { store } = this;
    const gone = [...this.selection].filter((id) => !store.at.has(id));
    for (const id of gone) this.selection.delete(id);
    if (gone.length) store.emit({ type: "select", rows: [...this.selection] });
    if (this.focus.id !== null && !store.at.has(this.focus.id)) {
      this.focus = { id: null, key: this.focus.key, action: "" };
      this.twin.live.textContent = "The focused row is gone";
    }
    this.arrange();
    this.hoverAt();
    guard(this, this.aim ?? "");
    this.showEmpty();
    this.followAtm();
  }

  guarded() {
    return performance.now() < this.guardUntil;
  }

  showEmpty() {
    const { empty, n } = this.store;
    this.empty.replaceChildren();
    this.empty.hidden = n > 0 || !empty;
    if (this.empty.hidden) return;
    const text = make("p", "");
    text.textContent = empty.text;
    this.empty.append(text);
    if (!empty.label) return;
    const button = make("button", "oal-button");
    button.type = "button";
    button.textContent = empty.label;
    button.addEventListener("click", () => this.store.emit({ type: "action", action: empty.action }));
    this.empty.append(button);
  }

  followAtm() {
    const row = this.store.flags.findIndex((flags) => flags & FLAG.ATM);
    this.atmId = row < 0 ? null : this.store.ids[row];
    if (!this.store.spec.follow_atm || this.atmId === null || this.userScrolled || !this.visible) return;
    this.scrollTo(this.atmId);
  }

  center(id) {
    this.userScrolled = false;
    this.scrollTo(id);
  }

  scrollTo(id) {
    const position = this.positionOf(id);
    if (position === undefined) return;
    const room = this.height - this.headerHeight - this.rowHeight;
    this.scroller.scrollTop = Math.max(0, position - Math.round(room / this.rowHeight / 2)) * this.rowHeight;
    this.expectedTop = this.scroller.scrollTop;
    this.invalidate();
  }

  reveal(id, key) {
    const position = this.positionOf(id);
    const place = this.placeOf(key);
    if (position === undefined || !place) return;
    const top = position * this.rowHeight;
    const room = this.height - this.headerHeight;
    const { scroller } = this;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + this.rowHeight > scroller.scrollTop + room) scroller.scrollTop = top + this.rowHeight - room;
    if (!place.column.pinned) this.revealColumn(place);
    scrollColumns(this.places, scroller.scrollLeft, this.width);
  }

  // Between the pinned columns that stick to the left and to the right of it.
  revealColumn(place) {
    const { scroller } = this;
    const index = this.places.indexOf(place);
    const pins = (part) => part.reduce((sum, other) => sum + (other.column.pinned ? other.width : 0), 0);
    const left = place.natural - pins(this.places.slice(0, index));
    const right = place.natural + place.width + pins(this.places.slice(index + 1));
    if (left < scroller.scrollLeft) scroller.scrollLeft = left;
    else if (right > scroller.scrollLeft + this.width) scroller.scrollLeft = right - this.width;
  }

  setFocus(id, key, action) {
    const column = this.store.byKey.get(key);
    const row = this.store.at.get(id);
    if (!action && column?.kind === "action" && row !== undefined) {
      action = column.actions.find((candidate) => this.store.allows(candidate, row))?.key ?? "";
    }
    this.focus = { id, key, action };
    this.reveal(id, key);
    this.twin.focusMoved();
    this.invalidate();
  }

  // Pointer

  hitAt(x, y) {
    const { store, places } = this;
    if (y < this.headerHeight) {
      const titles = y >= this.headerHeight - this.titleHeight;
      return { zone: "header", place: titles ? columnAt(places, x) : null, edge: titles ? edgeAt(places, x) : null };
    }
    const position = Math.floor((y - this.headerHeight + this.scrollY) / this.rowHeight);
    const place = columnAt(places, x);
    const row = store.order[position];
    if (!place || row === undefined) return { zone: "none" };
    return { zone: "body", place, position, id: store.ids[row], action: this.actionAt(place, row, x) };
  }

  actionAt(place, row, x) {
    if (!place.column.actions.length || !overlayShown(this, place, row)) return null;
    const inside = (box) => x >= place.x + box.x && x < place.x + box.x + box.width;
    const box = actionBoxes(place, this.measureSmall).find(inside);
    return box && this.store.allows(box.action, row) ? box.action : null;
  }

  hoverAt() {
    const hit = this.pointer ? this.hitAt(this.pointer.x, this.pointer.y) : { zone: "none" };
    this.hover = hit.zone === "body" ? { id: hit.id, column: hit.place.column, action: null } : null;
    if (this.hover) this.hover.action = this.actionAt(hit.place, this.store.at.get(hit.id), this.pointer.x);
    this.edge = hit.zone === "header" && hit.edge ? hit.edge.column.key : "";
    const sortable = hit.zone === "header" && this.store.spec.sortable && hit.place?.column.sortable;
    this.scroller.style.cursor = this.edge ? "col-resize" : this.hover?.action || sortable ? "pointer" : "default";
    this.scroller.title = this.tipOf(hit);
    this.invalidate();
  }

  // The exact number where the cell shows less than that, the long name over a title.
  tipOf(hit) {
    if (this.hover?.action) return this.hover.action.name;
    if (hit.zone === "header") return hit.place?.column.tooltip ?? "";
    if (hit.zone !== "body") return "";
    const { column } = hit.place;
    const row = this.store.at.get(hit.id);
    const exact = this.store.exactText(column, row);
    return column.compact || column.slot < 0 || exact.length > this.store.cellText(column, row).length ? exact : "";
  }
}

function make(tag, className) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}
