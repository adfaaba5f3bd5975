// A combobox over instruments (ARIA 1.2 pattern). All text is set as text nodes.

let boxes = 0;

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function render({ model, el }) {
  const id = `oal-search-${++boxes}`;
  const root = element("div", "oal-search");
  const input = element("input", "oal-search-input");
  Object.assign(input, { type: "text", placeholder: model.get("_placeholder"), autocomplete: "off", spellcheck: false });
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-label": "Search instruments",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": `${id}-list`,
  }))
    input.setAttribute(name, value);
  const list = element("ul", "oal-search-list");
  list.id = `${id}-list`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Instruments");
  list.hidden = true;
  const note = element("div", "oal-search-note");
  note.setAttribute("role", "status");
  note.hidden = true;
  root.append(input, list, note);
  el.append(root);

  let rows = [];
  let active = -1;
  let asked = 0;
  let shown = 0;

  const close = () => {
    list.hidden = note.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    const item = list.children[index];
    if (item) {
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    }
  };
  const pick = (index) => {
    const row = rows[index];
    if (!row) return;
    model.send({ k: "pick", exchange: row.exchange, symbol: row.symbol });
    input.value = "";
    close();
  };
  const ask = () => {
    const text = input.value;
    asked += 1;
    if (text.trim()) model.send({ k: "q", text, n: asked });
    else close();
  };
  const show = (message) => {
    if (message.n < shown || !input.value.trim()) return;
    shown = message.n;
    rows = message.rows;
    list.replaceChildren(
      ...rows.map((row, index) => {
        const item = element("li", "oal-search-item");
        item.id = `${id}-${index}`;
        item.setAttribute("role", "option");
        item.append(
          element("span", "oal-search-symbol", row.symbol),
          element("span", "oal-search-exchange", row.exchange),
          element("span", "oal-search-name", row.name),
        );
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          pick(index);
        });
        return item;
      }),
    );
    list.hidden = !rows.length;
    note.textContent = message.note;
    note.hidden = !message.note;
    input.setAttribute("aria-expanded", String(rows.length > 0));
    if (rows.length) mark(0);
  };

  input.addEventListener("input", ask);
  input.addEventListener("focus", () => input.value.trim() && ask());
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && rows.length && !list.hidden) mark((active + step + rows.length) % rows.length);
    else if (event.key === "Enter" && !list.hidden) pick(active);
    else if (event.key === "Escape") {
      if (list.hidden) input.blur();
      input.value = "";
      close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const slash = (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (!root.isConnected || !root.offsetParent) return;
    event.preventDefault();
    input.focus();
  };
  if (model.get("_shortcut")) document.addEventListener("keydown", slash);
  const onMessage = (message) => message.k === "r" && show(message);
  model.on("msg:custom", onMessage);
  return () => {
    document.removeEventListener("keydown", slash);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
