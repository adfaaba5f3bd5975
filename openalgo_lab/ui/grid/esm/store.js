// The newest state of one grid, shared by all its views. Takes messages, keeps only what is newest, acknowledges.

import { formatCell, exactCell } from "./format.js";

const ACK_EVERY = 2; // frames; the sender's window is four
const QUIET_MS = 3000; // a visible view that hears nothing for so long asks
const LOST_MS = 7000; // and greys its numbers when it has had no answer for so long
const LAGS = 256;

export const FLAG = {
  ITM_CALL: 1, ITM_PUT: 2, ATM: 4, STALE: 8, SELECTED: 16, OWN_BUY: 32, OWN_SELL: 64, BUY_SIDE: 128,
  SELL_SIDE: 256, DISABLED: 512,
};

export class Store {
  constructor(model) {
    this.model = model;
    this.spec = model.get("_spec");
    this.columns = this.spec.columns;
    this.byKey = new Map(this.columns.map((column) => [column.key, column]));
    this.numeric = this.columns.filter((column) => column.slot >= 0).sort((a, b) => a.slot - b.slot);
    this.doubles = this.numeric.filter((column) => !column.single).length;
    this.views = new Set();
    this.rev = 0;
    this.seq = 0;
    this.unacked = 0;
    this.engineNs = 0;
    this.heard = performance.now();
    this.asked = 0; // last question, and the first of those still unanswered
    this.unansweredSince = 0;
    this.sort = { key: "", order: "" };
    this.setRows([], {}, null, null, null);
    this.stats = statsOf(this.spec.name);
  }

  start(signal) {
    const handler = (message, buffers) => this.receive(message, buffers);
    this.model.on("msg:custom", handler);
    const timer = setInterval(() => this.poke(), 1000);
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      this.model.off("msg:custom", handler);
    });
    this.send({ k: "h" });
  }

  send(message) {
    this.model.send(message);
  }

  emit(event) {
    this.send({ k: "e", event });
  }

  receive(message, buffers) {
    if (this.contactLost) this.changed();
    this.heard = performance.now();
    this.unansweredSince = 0;
    switch (message.k) {
      case "l": this.takeLayout(message, buffers); break;
      case "x": this.takePatch(message, buffers); break;
      case "f":
      case "d": this.takeFrame(message, buffers); break;
      case "c": for (const view of this.views) view.center(message.id); break;
    }
  }

  takeLayout(message, buffers) {
    this.rev = message.rev;
    const decimals = message.dec ? bytes(buffers[0]) : null;
    const actions = message.act ? bytes(buffers[message.dec ? 1 : 0]) : null;
    for (const view of this.views) view.beforeRows();
    this.setRows(message.ids, message.text, decimals, actions, message.empty);
    for (const view of this.views) view.afterRows();
  }

  setRows(ids, text, decimals, actions, empty) {
    const before = this.at || new Map();
    const old = this.values || [];
    const oldFlags = this.flags;
    this.ids = ids;
    this.n = ids.length;
    this.at = new Map(ids.map((id, row) => [id, row]));
    this.text = text;
    this.decimals = decimals;
    this.actions = actions;
    this.empty = empty;
    this.values = this.numeric.map(() => new Float64Array(this.n).fill(NaN));
    this.changedAt = this.numeric.map(() => new Float64Array(this.n));
    this.direction = this.numeric.map(() => new Int8Array(this.n));
    this.flags = new Uint16Array(this.n);
    ids.forEach((id, row) => {
      const from = before.get(id);
      if (from === undefined) return;
      this.flags[row] = oldFlags[from];
      for (let slot = 0; slot < old.length; slot++) this.values[slot][row] = old[slot][from];
    });
    this.maxima = new Float64Array(this.numeric.length).fill(NaN);
    this.dropTexts();
    this.renewOrder();
  }

  takePatch(message, buffers) {
    if (message.from !== this.rev) return this.need();
    this.rev = message.rev;
    if (message.dec) this.decimals = bytes(buffers[0]);
    if (message.act) this.actions = bytes(buffers[message.dec ? 1 : 0]);
    for (const [row, key, value] of message.cells) this.text[key][row] = value;
    this.dropTexts();
    for (const view of this.views) view.twin.focusMoved(false); // its buttons may be others now
    this.changed();
  }

  takeFrame(message, buffers) {
    if (message.rev !== this.rev || (message.k === "d" && message.base !== this.seq)) return this.need();
    const now = performance.now();
    if (message.k === "f") this.applyFull(buffers[0], now);
    else this.applyDelta(buffers[0], message.n, now);
    if (message.m) this.applyFlags(copyOf(buffers[1]));
    this.seq = message.seq;
    this.engineNs = message.t;
    this.unacked += 1;
    this.stats.frames += 1;
    this.stats.lastEngineNs = message.t;
    this.fresh = true;
    this.changed();
  }

  applyFull(view, now) {
    const buffer = copyOf(view);
    let offset = 0;
    this.numeric.forEach((column, slot) => {
      const array = new (column.single ? Float32Array : Float64Array)(buffer, offset, this.n);
      offset += array.byteLength;
      for (let row = 0; row < this.n; row++) this.set(slot, row, array[row], now);
    });
  }

  applyDelta(view, count, now) {
    const buffer = copyOf(view);
    const values = new Float64Array(buffer, 0, count);
    const cells = new Uint32Array(buffer, 8 * count, count);
    for (let i = 0; i < count; i++) {
      const row = cells[i] % this.n;
      this.set((cells[i] - row) / this.n, row, values[i], now);
    }
  }

  set(slot, row, value, now) {
    const column = this.values[slot];
    const before = column[row];
    if (value === before || (value !== value && before !== before)) return;
    column[row] = value;
    this.texts[slot][row] = null;
    this.maxima[slot] = NaN;
    if (value === value && before === before) {
      this.changedAt[slot][row] = now;
      this.direction[slot][row] = value > before ? 1 : -1;
    }
  }

  applyFlags(buffer) {
    this.flags = new Uint16Array(buffer);
    for (const view of this.views) view.followAtm();
  }

  // Texts are made when first painted and kept until the number changes.
  dropTexts() {
    this.texts = this.numeric.map(() => new Array(this.n).fill(null));
  }

  cellText(column, row) {
    if (column.slot < 0) return column.kind === "action" ? "" : this.text[column.key]?.[row] ?? "";
    const cached = this.texts[column.slot][row];
    if (cached !== null) return cached;
    const text = formatCell(column, this.values[column.slot][row], this.decimalsOf(column, row));
    this.texts[column.slot][row] = text;
    return text;
  }

  exactText(column, row) {
    return column.slot < 0 ? this.cellText(column, row) : exactCell(column, this.values[column.slot][row]);
  }

  decimalsOf(column, row) {
    if (column.decimals !== "row") return column.decimals;
    return this.decimals ? this.decimals[row] : 2;
  }

  maximum(slot) {
    if (Number.isNaN(this.maxima[slot])) {
      let top = 0;
      for (const value of this.values[slot]) if (Math.abs(value) > top) top = Math.abs(value);
      this.maxima[slot] = top;
    }
    return this.maxima[slot];
  }

  allows(action, row) {
    if (this.flags[row] & FLAG.DISABLED) return false;
    return !this.actions || (this.actions[row] & (1 << this.spec.actions.indexOf(action.key))) !== 0;
  }

  setSort(key, order) {
    this.sort = { key: order ? key : "", order };
    this.renewOrder();
    this.emit({ type: "sort", column: key, order });
    this.changed();
  }

  // Display position → row. Renewed by the user and by new rows only: no tick moves a row under the pointer.
  renewOrder() {
    this.order = Array.from({ length: this.n }, (_, row) => row);
    const column = this.byKey.get(this.sort.key);
    if (column) {
      const sign = this.sort.order === "desc" ? -1 : 1;
      this.order.sort((a, b) => this.compare(column, a, b, sign) || a - b);
    }
    this.place = new Map(this.order.map((row, position) => [row, position]));
  }

  // No value sorts last in both directions.
  compare(column, a, b, sign) {
    if (column.slot < 0) return sign * this.cellText(column, a).localeCompare(this.cellText(column, b));
    const first = this.values[column.slot][a];
    const second = this.values[column.slot][b];
    if (first !== first || second !== second) return (first !== first) - (second !== second);
    return sign * (first - second);
  }

  changed() {
    for (const view of this.views) view.invalidate();
  }

  get visible() {
    for (const view of this.views) if (view.visible) return true;
    return false;
  }

  get contactLost() {
    return this.unansweredSince > 0 && performance.now() - this.unansweredSince > LOST_MS;
  }

  // A view has put the newest state on screen.
  painted(ms) {
    this.stats.paints += 1;
    this.stats.lastPaintMs = ms;
    if (!this.fresh) return;
    this.fresh = false;
    this.lag = this.engineNs ? performance.timeOrigin + performance.now() - this.engineNs / 1e6 : 0;
    this.stats.lagMs.push(this.lag);
    if (this.stats.lagMs.length > LAGS) this.stats.lagMs.shift();
    if (this.unacked >= ACK_EVERY) this.acknowledge(ms);
  }

  acknowledge(ms) {
    this.unacked = 0;
    this.send({ k: "a", seq: this.seq, ms, lag: this.lag || 0 });
  }

  // A hidden view is silent, so the sender stops; on its return one word brings the newest state.
  resume() {
    this.unansweredSince = 0;
    if (this.unacked) this.acknowledge(0);
    this.poke();
  }

  poke() {
    const now = performance.now();
    if (!this.visible || document.hidden || now - this.heard < QUIET_MS) return;
    if (now - this.asked >= QUIET_MS) {
      this.asked = now;
      this.unansweredSince ||= now;
      this.send({ k: "p", seq: this.seq, rev: this.rev });
    }
    this.changed(); // the age of the silence is on screen
  }

  need() {
    const now = performance.now();
    if (now - (this.needed || -1000) < 500) return;
    this.needed = now;
    this.unacked = 0;
    this.send({ k: "n", seq: this.seq, rev: this.rev });
  }
}

function bytes(view) {
  return new Uint8Array(copyOf(view));
}

// Buffers lie unaligned in the message they came in; typed arrays want their own.
function copyOf(view) {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}

// For browser tests and the bench: what was painted when.
function statsOf(name) {
  const all = (window.__openalgo_lab_grid_stats ??= {});
  return (all[name] = { frames: 0, paints: 0, lastPaintMs: 0, lastEngineNs: 0, lagMs: [] });
}
