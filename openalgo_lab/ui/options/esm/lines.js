// Lines, points, bars and areas over a number or time axis; crosshair with every value, pan, zoom.

import { mix, say, sayTick, ticks } from "./paper.js";

const PAD = { top: 12, right: 14, bottom: 34, left: 62 };

export class Lines {
  constructor(spec) {
    this.spec = spec;
    this.series = [];
    this.marks = [];
    this.bands = [];
    this.off = new Set();
    this.window = null;
    this.cross = null;
  }

  take({ lengths, marks, bands }, numbers) {
    let at = 0;
    this.series = this.spec.series.map((one, index) => {
      const n = lengths[index] ?? 0;
      const x = numbers.subarray(at, at + n);
      const y = numbers.subarray(at + n, at + 2 * n);
      at += 2 * n;
      return { ...one, x, y };
    });
    this.marks = marks ?? [];
    this.bands = bands ?? [];
  }

  get shown() {
    return this.series.filter((one) => !this.off.has(one.key));
  }

  full() {
    let [low, high] = [Infinity, -Infinity];
    for (const { x, y } of this.series)
      for (let i = 0; i < x.length; i++)
        if (Number.isFinite(y[i])) {
          if (x[i] < low) low = x[i];
          if (x[i] > high) high = x[i];
        }
    if (low > high) return [0, 1];
    const widest = this.series.some((one) => one.style === "bars") ? this.gap() / 2 : 0;
    return low === high ? [low - 1, high + 1] : [low - widest, high + widest];
  }

  gap() {
    let least = Infinity;
    for (const { x } of this.series) for (let i = 1; i < x.length; i++) least = Math.min(least, x[i] - x[i - 1] || Infinity);
    return Number.isFinite(least) ? least : 1;
  }

  range(axis, low, high) {
    let [least, most] = [Infinity, -Infinity];
    for (const one of this.shown) {
      if ((one.axis ?? "y") !== axis) continue;
      if (one.style === "bars" || one.style === "profit") [least, most] = [Math.min(least, 0), Math.max(most, 0)];
      for (let i = 0; i < one.x.length; i++)
        if (one.x[i] >= low && one.x[i] <= high && Number.isFinite(one.y[i])) {
          least = Math.min(least, one.y[i]);
          most = Math.max(most, one.y[i]);
        }
    }
    if (least > most) return [0, 1];
    const room = (most - least || Math.abs(most) || 1) * 0.07;
    return [least === 0 ? 0 : least - room, most === 0 ? 0 : most + room];
  }

  paint(ink, width, height, tones) {
    const second = this.shown.some((one) => one.axis === "y2");
    const box = { left: PAD.left, top: PAD.top, right: width - (second ? PAD.left : PAD.right), bottom: height - PAD.bottom };
    const [low, high] = this.window ?? this.full();
    const [y0, y1] = this.range("y", low, high);
    const [z0, z1] = second ? this.range("y2", low, high) : [0, 1];
    const px = (x) => box.left + ((x - low) / (high - low || 1)) * (box.right - box.left);
    const py = (y, axis) => {
      const [from, to] = axis === "y2" ? [z0, z1] : [y0, y1];
      return box.bottom - ((y - from) / (to - from || 1)) * (box.bottom - box.top);
    };
    this.frame = { box, low, high, px, py };
    this.axes(ink, tones, [y0, y1], second ? [z0, z1] : null);
    ink.save();
    ink.beginPath();
    ink.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    ink.clip();
    for (const band of this.bands) {
      ink.fillStyle = mix(tones.background, tones[band.tone] || tones.accent, 0.1);
      ink.fillRect(px(band.from), box.top, px(band.to) - px(band.from), box.bottom - box.top);
    }
    const bars = this.shown.filter((one) => one.style === "bars");
    for (const one of this.shown) this[one.style ?? "line"](ink, one, tones, bars);
    ink.restore();
    this.drawMarks(ink, tones);
    if (this.cross !== null) this.drawCross(ink, tones);
  }

  axes(ink, tones, [y0, y1], second) {
    const { box, low, high, px, py } = this.frame;
    ink.font = tones.font;
    ink.lineWidth = 1;
    ink.textBaseline = "middle";
    for (const value of ticks(y0, y1, Math.max((box.bottom - box.top) / 46, 2))) {
      const y = Math.round(py(value, "y")) + 0.5;
      ink.strokeStyle = value === 0 ? tones.muted : tones.line;
      line(ink, box.left, y, box.right, y);
      ink.fillStyle = tones["muted-text"];
      ink.textAlign = "right";
      ink.fillText(sayTick(value, this.spec.y.format), box.left - 6, y);
    }
    if (second)
      for (const value of ticks(...second, Math.max((box.bottom - box.top) / 46, 2))) {
        ink.textAlign = "left";
        ink.fillText(sayTick(value, this.spec.y2.format), box.right + 6, py(value, "y2"));
      }
    ink.textAlign = "center";
    ink.textBaseline = "top";
    for (const value of ticks(low, high, Math.max((box.right - box.left) / 84, 2), this.spec.x.format)) {
      const x = Math.round(px(value)) + 0.5;
      ink.strokeStyle = tones.line;
      line(ink, x, box.top, x, box.bottom);
      ink.fillStyle = tones["muted-text"];
      if (x > box.left + 14 && x < box.right - 14) ink.fillText(sayTick(value, this.spec.x.format), x, box.bottom + 5);
    }
    ink.fillText(this.spec.x.label, (box.left + box.right) / 2, box.bottom + 19);
    ink.textAlign = "left";
    ink.fillText(this.spec.y.label, 4, 0);
    if (second) {
      ink.textAlign = "right";
      ink.fillText(this.spec.y2.label, box.right + PAD.left - 4, 0);
    }
  }

  line(ink, one, tones) {
    const { px, py } = this.frame;
    ink.strokeStyle = tones[one.tone] || tones.accent;
    ink.lineWidth = one.width ?? 1.6;
    ink.setLineDash(one.dash ? [5, 4] : []);
    ink.lineJoin = "round";
    ink.beginPath();
    let open = false;
    for (let i = 0; i < one.x.length; i++) {
      if (!Number.isFinite(one.y[i])) open = false;
      else {
        ink[open ? "lineTo" : "moveTo"](px(one.x[i]), py(one.y[i], one.axis));
        open = true;
      }
    }
    ink.stroke();
    ink.setLineDash([]);
  }

  points(ink, one, tones) {
    const { px, py } = this.frame;
    ink.fillStyle = tones[one.tone] || tones.accent;
    for (let i = 0; i < one.x.length; i++)
      if (Number.isFinite(one.y[i])) {
        ink.beginPath();
        ink.arc(px(one.x[i]), py(one.y[i], one.axis), 2.6, 0, 7);
        ink.fill();
      }
  }

  bars(ink, one, tones, all) {
    const { px, py } = this.frame;
    const gap = this.gap();
    const room = (px(gap) - px(0)) * 0.8;
    const each = Math.max(room / all.length, 1);
    const place = all.indexOf(one) * each - room / 2;
    const zero = py(0, one.axis);
    for (let i = 0; i < one.x.length; i++)
      if (Number.isFinite(one.y[i])) {
        const tone = one.signed ? (one.y[i] >= 0 ? "up" : "down") : one.tone;
        ink.fillStyle = mix(tones.background, tones[tone] || tones.accent, 0.78);
        const y = py(one.y[i], one.axis);
        ink.fillRect(px(one.x[i]) + place, Math.min(y, zero), each, Math.max(Math.abs(zero - y), 0.5));
      }
  }

  profit(ink, one, tones) {
    const { px, py, box } = this.frame;
    const zero = py(0, one.axis);
    for (const [tone, top, height] of [["up", box.top, zero - box.top], ["down", zero, box.bottom - zero]]) {
      if (height <= 0) continue;
      ink.save();
      ink.beginPath();
      ink.rect(box.left, top, box.right - box.left, height);
      ink.clip();
      ink.beginPath();
      ink.moveTo(px(one.x[0]), zero);
      for (let i = 0; i < one.x.length; i++) ink.lineTo(px(one.x[i]), py(one.y[i], one.axis));
      ink.lineTo(px(one.x[one.x.length - 1]), zero);
      ink.fillStyle = mix(tones.background, tones[tone], 0.16);
      ink.fill();
      this.line(ink, { ...one, tone, width: 2 }, tones);
      ink.restore();
    }
  }

  drawMarks(ink, tones) {
    const { box, low, high, px } = this.frame;
    ink.font = tones.font;
    ink.textBaseline = "top";
    const taken = [];
    for (const mark of this.marks) {
      if (!(mark.x >= low && mark.x <= high)) continue;
      const x = Math.round(px(mark.x)) + 0.5;
      ink.strokeStyle = tones[mark.tone] || tones.muted;
      ink.setLineDash(mark.dash === false ? [] : [3, 3]);
      line(ink, x, box.top, x, box.bottom);
      ink.setLineDash([]);
      const wide = ink.measureText(mark.label).width + 6;
      const left = Math.min(Math.max(x - wide / 2, box.left), box.right - wide);
      let row = 0;
      while (taken.some((other) => other.row === row && left < other.right && other.left < left + wide)) row++;
      taken.push({ row, left, right: left + wide });
      ink.fillStyle = tones.background;
      ink.fillRect(left, box.top + row * 14, wide, 13);
      ink.textAlign = "left";
      ink.fillStyle = tones[mark.tone + "-text"] || tones.text;
      ink.fillText(mark.label, left + 3, box.top + 1 + row * 14);
    }
  }

  drawCross(ink, tones) {
    const { box, px, py } = this.frame;
    const x = Math.round(px(this.cross)) + 0.5;
    ink.strokeStyle = tones.muted;
    line(ink, x, box.top, x, box.bottom);
    for (const one of this.shown) {
      const value = valueAt(one, this.cross);
      if (!Number.isFinite(value)) continue;
      ink.fillStyle = tones[one.tone] || tones.accent;
      ink.beginPath();
      ink.arc(x, py(value, one.axis), 3, 0, 7);
      ink.fill();
    }
  }

  point(x) {
    const { box, low, high } = this.frame;
    const at = low + ((x - box.left) / (box.right - box.left)) * (high - low);
    const xs = this.shown.find((one) => one.x.length)?.x;
    if (!xs || x < box.left || x > box.right) return this.look(null);
    let best = 0;
    for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i] - at) < Math.abs(xs[best] - at)) best = i;
    return this.look(xs[best]);
  }

  step(direction) {
    const xs = this.shown.find((one) => one.x.length)?.x;
    if (!xs) return null;
    const now = this.cross === null ? Math.floor(xs.length / 2) : xs.indexOf(this.cross) + direction;
    return this.look(xs[Math.min(Math.max(now, 0), xs.length - 1)]);
  }

  look(x) {
    this.cross = x;
    if (x === null || x === undefined) return null;
    const rows = this.shown.map((one) => ({
      label: one.label,
      tone: one.tone,
      text: say(valueAt(one, x), (one.axis === "y2" ? this.spec.y2 : this.spec.y).format),
    }));
    return { title: say(x, this.spec.x.format), rows, left: this.frame.px(x) };
  }

  zoom(x, by) {
    const { box, low, high } = this.frame;
    const share = Math.min(Math.max((x - box.left) / (box.right - box.left), 0), 1);
    const span = (high - low) * by;
    const [first, last] = this.full();
    if (span >= last - first) this.window = null;
    else if (span > this.gap() * 3) {
      const from = low + share * (high - low) - share * span;
      this.window = [from, from + span];
    }
  }

  drag(pixels) {
    if (!this.window) return;
    const { box, low, high } = this.frame;
    const by = (-pixels / (box.right - box.left)) * (high - low);
    this.window = [low + by, high + by];
  }

  reset() {
    this.window = null;
  }

  table() {
    const xs = [...new Set(this.series.flatMap((one) => [...one.x]))].sort((a, b) => a - b);
    const cell = (x) => (this.spec.x.format === "time" || this.spec.x.format === "moment" ? new Date(x).toISOString() : x);
    const maps = this.series.map((one) => new Map([...one.x].map((x, i) => [x, one.y[i]])));
    return [
      [this.spec.x.label, ...this.series.map((one) => one.label)],
      ...xs.map((x) => [cell(x), ...maps.map((map) => (Number.isFinite(map.get(x)) ? map.get(x) : ""))]),
    ];
  }
}

function line(ink, x0, y0, x1, y1) {
  ink.beginPath();
  ink.moveTo(x0, y0);
  ink.lineTo(x1, y1);
  ink.stroke();
}

function valueAt({ x, y }, at) {
  let best = -1;
  for (let i = 0; i < x.length; i++) if (x[i] === at) best = i;
  if (best >= 0) return y[best];
  for (let i = 1; i < x.length; i++)
    if (x[i - 1] <= at && at <= x[i]) return y[i - 1] + ((y[i] - y[i - 1]) * (at - x[i - 1])) / (x[i] - x[i - 1]);
  return NaN;
}
