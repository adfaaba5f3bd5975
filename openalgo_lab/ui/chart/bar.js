// The chart's toolbar and its crosshair. The figure beside it is bqplot's; here only its plot area is measured.

const IST_MS = 19800000;

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(text, label) {
  const node = element("button", "oal-chart-button", text);
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.title = label;
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function indian(value) {
  return Math.round(value).toLocaleString("en-IN");
}

function moment(ms, interval) {
  const text = new Date(ms + IST_MS).toISOString();
  return interval === "D" ? text.slice(0, 10) : `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

function render({ model, el }) {
  const root = element("div", "oal-chart-bar");
  root.dataset.lmSuppressShortcuts = "true";
  const line = element("div", "oal-chart-tools");
  line.setAttribute("role", "toolbar");
  line.setAttribute("aria-label", "Chart");
  const title = element("span", "oal-chart-title");
  const symbol = element("span", "oal-chart-symbol");
  const exchange = element("span", "oal-chart-exchange");
  title.append(symbol, exchange);
  const choices = element("span", "oal-chart-intervals");
  choices.setAttribute("role", "radiogroup");
  choices.setAttribute("aria-label", "Interval");
  const reset = button("Reset", "Back to the newest candles");
  const png = button("PNG", "Save the chart as a picture");
  const csv = button("CSV", "Save the candles as a CSV file");
  reset.addEventListener("click", () => model.send({ k: "reset" }));
  png.addEventListener("click", () => model.send({ k: "png" }));
  line.append(title, choices, element("span", "oal-chart-spring"), reset, png, csv);
  const readout = element("div", "oal-chart-readout");
  const note = element("div", "oal-chart-note");
  note.setAttribute("role", "status");
  const words = element("span", "");
  const retry = element("button", "oal-button oal-chart-retry", "Retry");
  retry.type = "button";
  retry.addEventListener("click", () => model.send({ k: "retry" }));
  note.append(words, retry);
  const over = element("div", "oal-chart-over");
  over.setAttribute("aria-hidden", "true");
  const vertical = element("div", "oal-chart-line oal-chart-vertical");
  const horizontal = element("div", "oal-chart-line oal-chart-horizontal");
  const priceTag = element("div", "oal-chart-tag oal-chart-price-tag");
  const timeTag = element("div", "oal-chart-tag oal-chart-time-tag");
  const lastTag = element("div", "oal-chart-tag oal-chart-last-tag");
  over.append(vertical, horizontal, priceTag, timeTag, lastTag);
  root.append(line, readout);
  el.append(root);

  let head = null;
  let bars = { first: 0, rows: [] }; // rows: [ms, open, high, low, close, volume]
  let view = null;
  let pointer = null;
  let box = null;

  const plot = () => box?.querySelector(".oal-chart-figure .plotarea_events, .oal-chart-figure .plotarea_background");
  const fixed = (value) => value.toFixed(head?.decimals ?? 2);
  const grouped = (value) => {
    const decimals = head?.decimals ?? 2;
    return value.toLocaleString("en-IN", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  };

  const part = (label, text, tone) => {
    const node = element("span", "oal-chart-part");
    node.append(element("span", "oal-chart-label", label), element("span", tone ? `oal-chart-value ${tone}` : "oal-chart-value", text));
    return node;
  };
  const showReadout = (row) => {
    if (!row || !head) return readout.replaceChildren();
    const [ms, open, high, low, close, volume] = row;
    const change = close - open;
    const tone = change > 0 ? "oal-up" : change < 0 ? "oal-down" : "";
    const arrow = change > 0 ? "▲" : change < 0 ? "▼" : "";
    readout.replaceChildren(
      element("span", "oal-chart-when", `${moment(ms, head.interval)}${head.interval === "D" ? "" : " IST"}`),
      part("O", grouped(open)), part("H", grouped(high)), part("L", grouped(low)), part("C", grouped(close), tone),
      part("V", indian(volume)),
      element("span", `oal-chart-value ${tone}`, `${arrow} ${change > 0 ? "+" : ""}${fixed(change)} (${change > 0 ? "+" : ""}${((change / open) * 100).toFixed(2)} %)`),
    );
    return undefined;
  };

  const place = (node, left, top, width, height) => {
    node.style.transform = `translate(${left}px, ${top}px)`;
    if (width !== undefined) node.style.width = `${width}px`;
    if (height !== undefined) node.style.height = `${height}px`;
  };
  let queued = 0;
  const paint = () => {
    queued = 0;
    const area = view && head?.state === "ready" ? plot() : null;
    const newest = bars.rows[bars.rows.length - 1];
    over.hidden = !area;
    if (!area) return showReadout(newest);
    const at = area.getBoundingClientRect();
    const base = over.getBoundingClientRect();
    const [left, right, low, high] = view;
    const x0 = at.left - base.left;
    const y0 = at.top - base.top;
    const toY = (price) => y0 + ((high - price) / (high - low)) * at.height;
    const lastY = newest ? toY(newest[4]) : -1;
    lastTag.hidden = !newest || lastY < y0 || lastY > y0 + at.height;
    if (newest) {
      say(lastTag, grouped(newest[4]));
      lastTag.classList.toggle("oal-chart-fell", newest[4] < newest[1]);
      place(lastTag, x0 + at.width + 2, lastY - 9);
    }
    const inside = pointer && pointer.x >= at.left && pointer.x <= at.right && pointer.y >= at.top && pointer.y <= at.bottom;
    for (const node of [vertical, horizontal, priceTag, timeTag]) node.hidden = !inside;
    if (!inside) return showReadout(newest);
    const number = Math.round(left + ((pointer.x - at.left) / at.width) * (right - left));
    const row = bars.rows[number - bars.first];
    const middle = x0 + ((number - left) / (right - left)) * at.width;
    const py = pointer.y - base.top;
    place(vertical, middle, y0, 1, at.height);
    place(horizontal, x0, py, at.width, 1);
    say(priceTag, grouped(high - ((pointer.y - at.top) / at.height) * (high - low)));
    place(priceTag, x0 + at.width + 2, py - 9);
    timeTag.hidden = !row;
    if (row) {
      say(timeTag, moment(row[0], head.interval));
      place(timeTag, Math.min(Math.max(middle - 55, x0), x0 + at.width - 110), y0 + at.height + 3);
    }
    return showReadout(row ?? newest);
  };
  const soon = () => {
    if (!queued) queued = requestAnimationFrame(paint);
  };

  const move = (event) => {
    pointer = event.type === "pointerleave" ? null : { x: event.clientX, y: event.clientY };
    soon();
  };
  // The figure is a sibling that comes later: bind to what holds both, once this view is in the page.
  const bind = () => {
    if (box || !el.isConnected) return;
    box = el.closest(".oal-chart") ?? root;
    box.append(over, note); // over the figure, whose place this view cannot reach
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerleave", move);
  };
  let room = 0;
  const sizes = new ResizeObserver(() => {
    bind();
    const labels = Math.max(Math.floor(el.clientWidth / 80), 1);
    if (el.clientWidth && labels !== room) model.send({ k: "size", labels: (room = labels) });
    soon();
  });
  sizes.observe(el);

  const showHead = (next) => {
    head = next;
    bind();
    say(symbol, head.symbol);
    say(exchange, head.exchange);
    if (choices.dataset.all !== head.intervals.join()) {
      choices.dataset.all = head.intervals.join();
      choices.replaceChildren(...head.intervals.map((name) => {
        const node = button(name, name === "D" ? "One day a candle" : `${name} a candle`);
        node.setAttribute("role", "radio");
        node.dataset.key = name;
        node.addEventListener("click", () => model.send({ k: "interval", interval: name }));
        return node;
      }));
    }
    for (const node of choices.children) {
      const on = node.dataset.key === head.interval;
      node.setAttribute("aria-checked", String(on));
      node.tabIndex = on ? 0 : -1;
    }
    note.classList.toggle("oal-chart-failed", head.state === "error");
    note.hidden = head.state === "ready";
    note.setAttribute("role", head.state === "error" ? "alert" : "status");
    say(words, head.note);
    retry.hidden = !head.retry;
    soon();
  };
  choices.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const items = [...choices.children];
    const to = items[items.indexOf(event.target) + step];
    if (!step || !to) return;
    event.preventDefault();
    to.focus();
    model.send({ k: "interval", interval: to.dataset.key });
  });
  const showBars = (content, buffer) => {
    const n = content.n;
    const values = new Float64Array(n * 6);
    const data = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    for (let i = 0; i < values.length; i += 1) values[i] = data.getFloat64(i * 8, true);
    bars = { first: content.first, rows: Array.from({ length: n }, (_, i) => [0, 1, 2, 3, 4, 5].map((field) => values[field * n + i])) };
    soon();
  };
  const showLast = (content) => {
    const at = content.at - bars.first;
    if (at >= 0 && at <= bars.rows.length) bars.rows[at] = content.v;
    soon();
  };
  csv.addEventListener("click", () => {
    if (!head) return;
    const rows = bars.rows.map(([ms, ...values]) => [moment(ms, head.interval), ...values.slice(0, 4).map(fixed), Math.round(values[4])].join(","));
    const text = ["time_ist,open,high,low,close,volume", ...rows].join("\r\n");
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = `${head.symbol}_${head.interval}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  const onMessage = (content, buffers) => {
    if (content.k === "head") showHead(content.v);
    else if (content.k === "bars") showBars(content, buffers[0]);
    else if (content.k === "last") showLast(content);
    else if (content.k === "view") {
      view = content.v;
      soon();
    }
  };
  model.on("msg:custom", onMessage);
  model.send({ k: "hello" });
  return () => {
    model.off("msg:custom", onMessage);
    sizes.disconnect();
    cancelAnimationFrame(queued);
    box?.removeEventListener("pointermove", move);
    box?.removeEventListener("pointerleave", move);
    over.remove();
    note.remove();
  };
}

export default { render };
