// A table of numbers as coloured cells, and the same as a surface that turns with the pointer.

import { mix, say, sayTick } from "./paper.js";

class Field {
  constructor(spec) {
    this.spec = spec;
    this.rows = [];
    this.columns = [];
    this.z = new Float64Array();
    this.off = new Set();
    this.series = [];
  }

  take({ rows, columns, marks }, numbers) {
    this.rows = rows;
    this.columns = columns;
    this.z = numbers;
    this.marked = marks?.[0]?.x ?? null;
    const known = [...numbers].filter(Number.isFinite);
    this.low = Math.min(...known);
    this.high = Math.max(...known);
  }

  at(row, column) {
    return this.z[row * this.columns.length + column];
  }

  colour(value, tones) {
    if (!Number.isFinite(value)) return tones.panel;
    if (this.spec.diverging) {
      const most = Math.max(Math.abs(this.low), Math.abs(this.high)) || 1;
      return mix(tones.background, value >= 0 ? tones.up : tones.down, 0.08 + 0.62 * Math.min(Math.abs(value) / most, 1));
    }
    const share = (value - this.low) / (this.high - this.low || 1);
    return share < 0.5 ? mix(tones.background, tones.accent, 0.15 + share * 1.3) : mix(tones.accent, tones.sell, share * 2 - 1);
  }

  table() {
    return [
      [this.spec.y.label, ...this.columns],
      ...this.rows.map((label, row) => [label, ...this.columns.map((_, column) => this.at(row, column))]),
    ];
  }

  zoom() {}
  drag() {}
  reset() {}
}

export class Heat extends Field {
  paint(ink, width, height, tones) {
    const left = 84;
    const bottom = height - 36;
    const [w, h] = [(width - left - 10) / (this.columns.length || 1), (bottom - 16) / (this.rows.length || 1)];
    this.frame = { left, top: 16, w, h };
    ink.font = tones.font;
    ink.textBaseline = "middle";
    for (let row = 0; row < this.rows.length; row++) {
      ink.textAlign = "right";
      ink.fillStyle = tones["muted-text"];
      ink.fillText(this.rows[row], left - 6, 16 + (row + 0.5) * h);
      ink.textAlign = "center";
      for (let column = 0; column < this.columns.length; column++) {
        const value = this.at(row, column);
        ink.fillStyle = this.colour(value, tones);
        ink.fillRect(left + column * w + 0.5, 16 + row * h + 0.5, w - 1, h - 1);
        const whole = say(value, this.spec.z.format);
        const text = ink.measureText(whole).width > w - 4 ? sayTick(value, this.spec.z.format) : whole;
        if (ink.measureText(text).width > w - 2 || h < 13) continue;
        ink.fillStyle = tones.text;
        ink.fillText(text, left + (column + 0.5) * w, 16 + (row + 0.5) * h);
      }
    }
    ink.fillStyle = tones["muted-text"];
    ink.textBaseline = "top";
    ink.textAlign = "center";
    const every = Math.ceil(58 / w);
    this.columns.forEach((label, column) => {
      if (column % every === 0) ink.fillText(label, left + (column + 0.5) * w, bottom + 4);
    });
    ink.fillText(this.spec.x.label, left + (width - left) / 2, bottom + 19);
    ink.textAlign = "left";
    ink.fillText(this.spec.y.label, 4, 0);
    if (this.cell) {
      ink.strokeStyle = tones.text;
      ink.lineWidth = 2;
      ink.strokeRect(left + this.cell[1] * w + 1, 16 + this.cell[0] * h + 1, w - 2, h - 2);
    }
  }

  point(x, y) {
    const { left, top, w, h } = this.frame;
    const [row, column] = [Math.floor((y - top) / h), Math.floor((x - left) / w)];
    return this.look(row, column);
  }

  step(direction, upwards) {
    const [row, column] = this.cell ?? [0, 0];
    const most = [this.rows.length - 1, this.columns.length - 1];
    const next = [row + (upwards ?? 0), column + direction].map((value, i) => Math.min(Math.max(value, 0), most[i]));
    return this.look(...next);
  }

  look(row, column) {
    const inside = row >= 0 && row < this.rows.length && column >= 0 && column < this.columns.length;
    this.cell = inside ? [row, column] : null;
    if (!inside) return null;
    const rows = [{ label: this.spec.z.label, tone: "accent", text: say(this.at(row, column), this.spec.z.format) }];
    return { title: this.rows[row] + " · " + this.columns[column], rows, left: this.frame.left + column * this.frame.w };
  }
}

export class Solid extends Field {
  constructor(spec) {
    super(spec);
    this.yaw = -0.7;
    this.pitch = 0.55;
  }

  paint(ink, width, height, tones) {
    const [m, n] = [this.rows.length, this.columns.length];
    if (m < 2 || n < 2) return;
    const size = Math.min(width, height * 1.5) * 0.42;
    const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    const place = (u, v, level) => {
      const [x, y, z] = [u - 0.5, v - 0.5, level * 0.62 - 0.31];
      const [a, b] = [x * cy - y * sy, x * sy + y * cy];
      return [width / 2 + a * size * 1.5, height / 2 + 8 - (z * cp - b * sp) * size, b * cp + z * sp];
    };
    const level = (value) => (value - this.low) / (this.high - this.low || 1);
    const quads = [];
    for (let row = 0; row + 1 < m; row++)
      for (let column = 0; column + 1 < n; column++) {
        const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
        const values = corners.map(([r, c]) => this.at(r, c));
        if (!values.every(Number.isFinite)) continue;
        const points = corners.map(([r, c], i) => place(c / (n - 1), r / (m - 1), level(values[i])));
        const mean = values.reduce((sum, value) => sum + value, 0) / 4;
        quads.push({ points, mean, depth: points.reduce((sum, point) => sum + point[2], 0) });
      }
    quads.sort((a, b) => b.depth - a.depth);
    this.floor(ink, place, tones);
    ink.lineWidth = 0.6;
    for (const { points, mean } of quads) {
      ink.beginPath();
      points.forEach(([x, y], i) => ink[i ? "lineTo" : "moveTo"](x, y));
      ink.closePath();
      ink.fillStyle = this.colour(mean, tones);
      ink.fill();
      ink.strokeStyle = mix(tones.background, tones.text, 0.35);
      ink.stroke();
    }
    this.labels(ink, place, tones);
  }

  floor(ink, place, tones) {
    ink.strokeStyle = tones.line;
    const corners = [place(0, 0, 0), place(1, 0, 0), place(1, 1, 0), place(0, 1, 0)];
    ink.beginPath();
    corners.forEach(([x, y], i) => ink[i ? "lineTo" : "moveTo"](x, y));
    ink.closePath();
    ink.stroke();
  }

  labels(ink, place, tones) {
    ink.font = tones.font;
    ink.fillStyle = tones["muted-text"];
    ink.textAlign = "center";
    ink.textBaseline = "middle";
    const [m, n] = [this.rows.length, this.columns.length];
    const front = Math.sin(this.yaw) < 0 ? 1.1 : -0.1;
    const side = Math.cos(this.yaw) > 0 ? -0.1 : 1.1;
    for (let i = 0; i < n; i += Math.ceil(n / 6)) {
      const [x, y] = place(i / (n - 1), side, 0);
      ink.fillText(this.columns[i], x, y);
    }
    for (let i = 0; i < m; i += Math.ceil(m / 6)) {
      const [x, y] = place(front, i / (m - 1), 0);
      ink.fillText(this.rows[i], x, y);
    }
    for (const share of [0, 0.5, 1]) {
      const [x, y] = place(front === 1.1 ? -0.08 : 1.08, side === 1.1 ? -0.08 : 1.08, share);
      ink.fillText(say(this.low + share * (this.high - this.low), this.spec.z.format), x, y);
    }
  }

  drag(dx, dy) {
    this.yaw -= dx * 0.01;
    this.pitch = Math.min(Math.max(this.pitch + dy * 0.01, 0.1), 1.4);
  }

  reset() {
    this.yaw = -0.7;
    this.pitch = 0.55;
  }

  point() {
    return null;
  }

  step(direction, upwards) {
    this.drag(direction * -12, (upwards ?? 0) * 12);
    return null;
  }
}
