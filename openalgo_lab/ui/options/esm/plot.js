// One chart: canvas, legend, read-out, and what leaves it (picture, table). Texts are text nodes.

import { Heat, Solid } from "./fields.js";
import { Lines } from "./lines.js";
import { readTones, watchTones } from "./paper.js";

const KINDS = { lines: Lines, heat: Heat, solid: Solid };

function element(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 5000);
}

function cell(value) {
  const text = String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}

function render({ model, el, signal }) {
  const spec = model.get("_spec");
  const chart = new KINDS[spec.kind](spec);
  const root = element("figure", "oal oal-plot");
  root.dataset.plot = spec.name;
  const head = element("figcaption", "oal-plot-head");
  const title = element("span", "oal-plot-title", spec.title);
  const legend = element("span", "oal-plot-legend");
  const tools = element("span", "oal-plot-tools");
  head.append(title, legend, tools);
  const body = element("div", "oal-plot-body");
  const canvas = element("canvas", "oal-plot-canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", spec.title + ". Arrow keys read its values.");
  const tip = element("div", "oal-plot-tip");
  tip.hidden = true;
  const spoken = element("span", "oal-hidden");
  spoken.setAttribute("aria-live", "polite");
  const empty = element("div", "oal-plot-empty");
  body.append(canvas, tip, empty);
  root.append(head, body, spoken);
  root.style.height = spec.height;
  el.append(root);
  root.__plot = chart;

  let tones = readTones(root);
  let due = false;
  const paint = () => {
    due = false;
    const { clientWidth: width, clientHeight: height } = body;
    if (!width || !height) return;
    if (!tones.background) tones = readTones(root); // what is not in the page yet has no colours
    if (!tones.background) return;
    const scale = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const ink = canvas.getContext("2d");
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    ink.fillStyle = tones.background;
    ink.fillRect(0, 0, width, height);
    if (empty.hidden) chart.paint(ink, width, height, tones);
  };
  const repaint = () => {
    if (due) return;
    due = true;
    requestAnimationFrame(paint);
  };
  const tool = (name, text, act) => {
    const button = element("button", "oal-plot-tool", text);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name + " of " + spec.title);
    button.addEventListener("click", act);
    tools.append(button);
  };
  tool("Whole range", "⤢", () => {
    chart.reset();
    repaint();
  });
  tool("Picture", "PNG", () => canvas.toBlob((blob) => save(spec.name + ".png", blob)));
  tool("Data", "CSV", () => {
    const text = chart.table().map((row) => row.map(cell).join(",")).join("\n");
    save(spec.name + ".csv", new Blob([text + "\n"], { type: "text/csv" }));
  });
  for (const one of spec.series ?? []) {
    const button = element("button", "oal-plot-key");
    button.type = "button";
    const dot = element("span", "oal-plot-dot oal-plot-" + (one.style ?? "line") + (one.dash ? " oal-plot-dashed" : ""));
    dot.style.setProperty("--tone", "var(--oal-" + one.tone + ")");
    button.append(dot, document.createTextNode(one.label));
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      const gone = chart.off.has(one.key);
      chart.off[gone ? "delete" : "add"](one.key);
      button.setAttribute("aria-pressed", String(gone));
      repaint();
    });
    legend.append(button);
  }

  const show = (look) => {
    tip.hidden = !look;
    if (look) {
      tip.replaceChildren(element("div", "oal-plot-tip-title", look.title));
      for (const row of look.rows) {
        const at = element("div", "oal-plot-tip-row");
        const dot = element("span", "oal-plot-dot");
        dot.style.setProperty("--tone", "var(--oal-" + row.tone + ")");
        at.append(dot, element("span", "", row.label), element("span", "oal-num", row.text));
        tip.append(at);
      }
      const left = look.left > body.clientWidth / 2 ? look.left - tip.offsetWidth - 12 : look.left + 12;
      tip.style.left = Math.max(left, 4) + "px";
    }
    repaint();
  };
  let held = null;
  const listen = (name, act) => canvas.addEventListener(name, act, { signal });
  listen("pointermove", (event) => {
    if (!chart.frame && spec.kind !== "solid") return;
    if (held) {
      chart.drag(event.offsetX - held[0], event.offsetY - held[1]);
      held = [event.offsetX, event.offsetY];
    }
    show(chart.point(event.offsetX, event.offsetY));
  });
  listen("pointerdown", (event) => {
    held = [event.offsetX, event.offsetY];
    canvas.setPointerCapture(event.pointerId);
  });
  listen("pointerup", () => (held = null));
  listen("pointerleave", () => {
    chart.cross = null;
    chart.cell = null;
    show(null);
  });
  listen("dblclick", () => {
    chart.reset();
    repaint();
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!chart.frame || spec.kind !== "lines" || !(event.ctrlKey || event.shiftKey || document.activeElement === canvas)) return;
      event.preventDefault();
      chart.zoom(event.offsetX, event.deltaY > 0 ? 1.2 : 1 / 1.2);
      repaint();
    },
    { signal, passive: false },
  );
  listen("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const look = chart.step(...step);
    if (look) spoken.textContent = look.title + ": " + look.rows.map((row) => row.label + " " + row.text).join(", ");
    show(look);
  });

  const say = (text) => {
    empty.textContent = text;
    empty.hidden = !text;
    repaint();
  };
  say("Waiting for prices …");
  const onMessage = (message, buffers) => {
    if (message.k === "empty") say(message.v);
    if (message.k !== "data") return;
    const view = buffers[0];
    const bytes = view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view;
    chart.take(message.v, new Float64Array(bytes));
    if (message.v.title) title.textContent = message.v.title;
    say("");
    root.dataset.seq = String(Number(root.dataset.seq ?? 0) + 1);
  };
  model.on("msg:custom", onMessage);
  const sizes = new ResizeObserver(repaint);
  sizes.observe(body);
  watchTones(() => {
    tones = readTones(root);
    repaint();
  }, signal);
  signal.addEventListener("abort", () => {
    sizes.disconnect();
    model.off("msg:custom", onMessage);
  });
  model.send({ k: "hello" });
}

export default { render };
