// Brokers: connections, a list to search, and the login of the chosen one. All text is set as text; what is typed into
// a secret field is sent once and forgotten.

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

const WORDS = { connected: "●", closed: "▲", expired: "■" };
let forms = 0;

// ---- connections

function accountRow(one, send) {
  const row = element("li", `oal-login-account oal-login-${one.state}`);
  const head = element("span", "oal-login-account-name", one.account);
  const broker = element("span", "oal-muted", one.name === one.account ? "" : one.name);
  const state = element("span", "oal-login-state");
  const sign = element("span", "oal-login-sign", WORDS[one.state] ?? "");
  sign.setAttribute("aria-hidden", "true");
  state.append(sign, element("span", "", one.text));
  const marks = element("span", "oal-login-marks oal-muted", one.marks.length ? `used for ${one.marks.join(" and ")}` : "");
  const buttons = element("span", "oal-login-account-buttons");
  const offer = (act, text, title) => {
    const node = element("button", "oal-button", text);
    node.type = "button";
    node.title = title;
    node.setAttribute("aria-label", `${text}: ${one.account}`);
    node.addEventListener("click", () => send({ k: "account", account: one.account, act }));
    buttons.append(node);
  };
  if (one.state !== "connected") offer("again", "Log in again", "Opens the login of this account");
  offer("disconnect", "Disconnect", "Orders and positions stay; the session at the broker goes on");
  if (one.state === "connected") offer("logout", "Log out", "Disconnects, and ends the session at the broker");
  row.append(head, broker, state, marks, buttons);
  return row;
}

// ---- the list

function brokerList(id, choose) {
  const box = element("section", "oal-login-list");
  box.setAttribute("aria-label", "Brokers");
  const label = element("label", "oal-login-field");
  const input = element("input");
  input.type = "search";
  input.placeholder = "Name, exchange or capability";
  input.autocomplete = "off";
  input.spellcheck = false;
  const count = element("span", "oal-muted oal-login-count");
  count.setAttribute("role", "status");
  label.append(element("span", "oal-muted", "Search brokers"), input);
  const list = element("ul", "oal-login-options");
  list.id = `${id}-list`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Brokers");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-autocomplete", "list");
  box.append(label, count, list);
  let rows = [], shown = [], active = -1, chosen = "";

  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row.key)) {
      texts.set(row.key, [row.key, row.name, row.family, row.how, ...row.exchanges, ...row.offers].join(" ").toLowerCase());
    }
    return texts.get(row.key);
  };
  const mark = (at) => {
    active = at;
    [...list.children].forEach((node, number) => node.classList.toggle("oal-login-active", number === at));
    const node = list.children[at];
    if (node) {
      input.setAttribute("aria-activedescendant", node.id);
      node.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  };
  const paint = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    shown = rows.filter((row) => words.every((word) => textOf(row).includes(word)));
    list.replaceChildren(...shown.map((row) => {
      const node = element("li", "oal-login-option");
      node.id = `${id}-option-${row.key}`;
      node.setAttribute("role", "option");
      node.setAttribute("aria-selected", String(row.key === chosen));
      const head = element("span", "oal-login-option-head");
      head.append(element("span", "oal-login-option-name", row.name), element("span", "oal-muted", row.key));
      const lacks = row.lacks.length ? `no ${row.lacks.join(", ")}` : "offers everything";
      node.append(head, element("span", "oal-muted", `${row.how} · ${row.exchanges.length} exchanges · ${lacks}`));
      node.addEventListener("click", () => choose(row.key));
      return node;
    }));
    count.textContent = !rows.length ? "The brokers are being read …"
      : shown.length ? `${shown.length} of ${rows.length}` : "No broker has all of these words: use fewer.";
    mark(words.length && shown.length ? 0 : -1);
    if (!words.length) list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  };
  input.addEventListener("input", paint);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5 }[event.key];
    if (step && shown.length) {
      mark(Math.max(0, Math.min(shown.length - 1, active < 0 && step > 0 ? step - 1 : active + step)));
      event.preventDefault();
    } else if (event.key === "Enter" && shown[active]) {
      choose(shown[active].key);
      event.preventDefault();
    } else if (event.key === "Escape" && input.value) {
      input.value = "";
      paint();
      event.preventDefault();
    }
  });
  return {
    box,
    take(list) { rows = list; texts.clear(); paint(); },
    show(key) {
      if (key === chosen) return;
      chosen = key;
      for (const node of list.children) node.setAttribute("aria-selected", String(node.id === `${id}-option-${key}`));
    },
  };
}

// ---- the login

function factsOf(row) {
  const facts = element("dl", "oal-login-facts");
  const say = (name, text) => facts.append(element("dt", "oal-muted", name), element("dd", "", text));
  say("Exchanges", row.exchanges.join(", "));
  say("Offers", row.offers.join(", "));
  if (row.lacks.length) say("Does not offer", row.lacks.join(", "));
  if (row.verified.length) say("Proved against", row.verified.join(", "));
  return facts;
}

function fieldOf(field, id) {
  const box = element("div", "oal-login-field");
  const label = element("label", "oal-muted", field.label + (field.needed ? "" : " (optional)"));
  const input = element("input");
  input.id = label.htmlFor = `${id}-${field.name}`;
  input.type = field.kind === "password" ? "password" : "text";
  if (field.kind === "code") input.inputMode = "numeric";
  input.name = field.name;
  input.dataset.kind = field.kind;
  input.autocomplete = field.fill;
  input.autocapitalize = "off";
  input.spellcheck = false;
  if (field.needed) input.required = true;
  const error = element("span", "oal-login-error");
  error.id = `${input.id}-error`;
  const hint = element("span", "oal-muted oal-login-hint");
  hint.id = `${input.id}-hint`;
  box.append(label, input, error, hint);
  return box;
}

function fillField(box, field) {
  const input = box.querySelector("input");
  const error = box.querySelector(".oal-login-error");
  const hint = box.querySelector(".oal-login-hint");
  input.placeholder = field.kept;
  if (field.kind === "text" && field.value && input.value !== field.value && document.activeElement !== input) input.value = field.value;
  error.textContent = field.error;
  error.hidden = !field.error;
  if (field.error) error.setAttribute("role", "alert");
  else error.removeAttribute("role");
  input.setAttribute("aria-invalid", String(Boolean(field.error)));
  input.setAttribute("aria-describedby", `${error.id} ${hint.id}`);
  hint.textContent = field.hint;
  hint.hidden = !field.hint;
}

function switchOf(text) {
  const label = element("label", "oal-login-switch");
  const input = element("input");
  input.type = "checkbox";
  label.append(input, element("span", "", text));
  return { label, input };
}

function loginForm(id, send) {
  const form = element("form", "oal-panel oal-login-form");
  form.noValidate = true;
  const head = element("div", "oal-login-head");
  const title = element("h3", "oal-login-title");
  title.id = `${id}-title`;
  form.setAttribute("aria-labelledby", title.id);
  const away = element("button", "oal-button", "✕");
  away.type = "button";
  away.title = "Close this login";
  away.setAttribute("aria-label", "Close this login");
  away.addEventListener("click", () => send({ k: "choose", broker: "" }));
  head.append(title, away);
  const facts = element("details", "oal-login-details");
  const note = element("p", "oal-login-note oal-muted");
  const link = element("a", "oal-button oal-button-accent oal-login-link");
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  const fields = element("div", "oal-login-fields");
  const keep = switchOf("Keep these fields in the vault");
  const data = switchOf("Show this broker's market data");
  const buttons = element("div", "oal-login-buttons");
  form.append(head, facts, note, link, fields, keep.label, data.label, buttons);
  let painted = "", told = "", pressed = false;

  const press = (act) => {
    pressed = true;
    const values = {};
    for (const input of fields.querySelectorAll("input")) {
      values[input.name] = input.value;
      if (input.dataset.kind !== "text" || input.name === "url") input.value = "";
    }
    for (const node of form.querySelectorAll("button")) node.disabled = true;
    send({ k: "press", act, values, keep: keep.input.checked, data: data.input.checked });
  };
  const build = (shown) => {
    const groups = new Map();
    for (const field of shown.fields) {
      if (!groups.has(field.group)) groups.set(field.group, []);
      groups.get(field.group).push(fieldOf(field, id));
    }
    fields.replaceChildren(...[...groups].map(([name, boxes]) => {
      if (!name) {
        const plain = element("div", "oal-login-group");
        plain.append(...boxes);
        return plain;
      }
      const group = element("fieldset", "oal-login-group");
      group.append(element("legend", "", name), ...boxes);
      return group;
    }));
    buttons.replaceChildren(...shown.buttons.map((one, at) => {
      const accent = at === 0 && !shown.link;
      const node = element("button", accent ? "oal-button oal-button-accent" : "oal-button", one.text);
      node.type = at ? "button" : "submit";
      node.dataset.act = one.act;
      if (at) node.addEventListener("click", () => press(one.act));
      return node;
    }));
    keep.input.checked = shown.keep;
    data.input.checked = shown.data;
  };
  const focus = (shown) => {
    const wrong = fields.querySelector("input[aria-invalid=true]");
    const empty = [...fields.querySelectorAll("input")].find((input) => input.required && !input.value);
    const first = wrong ?? (shown.link ? link : empty ?? buttons.querySelector("button"));
    first?.focus({ preventScroll: true });
  };
  const paint = (shown, held) => {
    form.hidden = !shown.title;
    const parts = JSON.stringify([shown.broker, shown.title, shown.buttons, shown.fields.map((field) => [field.name, field.needed])]);
    const anew = parts !== painted;
    if (anew) build(shown);
    painted = parts;
    const boxes = [...fields.querySelectorAll(".oal-login-field")];
    shown.fields.forEach((field) => {
      const box = boxes.find((one) => one.querySelector("input").name === field.name);
      if (box) fillField(box, field);
    });
    title.textContent = shown.title;
    away.hidden = shown.only;
    note.textContent = shown.note;
    note.hidden = !shown.note;
    link.hidden = !shown.link;
    link.textContent = shown.link_text;
    if (/^https?:\/\//.test(shown.link)) link.href = shown.link;
    else link.removeAttribute("href");
    facts.hidden = !shown.facts;
    const fact = JSON.stringify(shown.facts);
    if (shown.facts && fact !== told) facts.replaceChildren(element("summary", "oal-muted", "What it offers"), factsOf(shown.facts));
    told = fact;
    keep.label.hidden = data.label.hidden = !shown.switches;
    form.setAttribute("aria-busy", String(shown.busy));
    for (const node of form.querySelectorAll("button")) node.disabled = shown.busy;
    for (const node of fields.querySelectorAll("input")) node.readOnly = shown.busy;
    if (shown.busy) return;
    // A repaint that nobody asked for takes the focus from nobody.
    if (held && (anew || pressed)) focus(shown);
    pressed = false;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = buttons.querySelector("button");
    if (first && !first.disabled) press(first.dataset.act);
  });
  return { form, paint };
}

// ---- all of it

function render({ model, el }) {
  const id = `oal-login-${++forms}`;
  const root = element("div", "oal oal-login");
  const send = (message) => model.send(message);
  const accounts = element("ul", "oal-login-accounts");
  accounts.setAttribute("aria-label", "Connections");
  const message = element("p", "oal-login-message");
  const said = element("p", "oal-login-message");
  const panes = element("div", "oal-login-panes");
  const list = brokerList(id, (key) => send({ k: "choose", broker: key }));
  const login = loginForm(id, send);
  login.form.append(said);
  panes.append(list.box, login.form);
  root.append(accounts, message, panes);
  el.append(root);
  let rows = "";

  const heard = (content) => {
    if (content.k === "list") return list.take(content.v);
    if (content.k !== "shown") return;
    const shown = content.v;
    const held = root.contains(document.activeElement) || document.activeElement === document.body;
    const told = JSON.stringify(shown.accounts);
    if (told !== rows) accounts.replaceChildren(...shown.accounts.map((one) => accountRow(one, send)));
    rows = told;
    accounts.hidden = !shown.accounts.length;
    for (const node of accounts.querySelectorAll("button")) node.disabled = shown.busy;
    list.box.hidden = shown.only;
    list.show(shown.broker);
    panes.classList.toggle("oal-login-one", shown.only || !shown.title);
    // What was said about a login stands beside its buttons.
    for (const [line, used] of [[message, !shown.title], [said, Boolean(shown.title)]]) {
      line.textContent = used ? shown.message : "";
      line.hidden = !line.textContent;
      line.classList.toggle("oal-login-bad", shown.bad);
      line.setAttribute("role", shown.bad ? "alert" : "status");
    }
    login.paint(shown, held);
  };
  // Keys typed here belong to the form: the notebook must not take them as commands.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  model.on("msg:custom", heard);
  model.send({ k: "hello" });
  const look = setInterval(() => { if (!document.hidden) model.send({ k: "look" }); }, 20000);
  return () => { clearInterval(look); model.off("msg:custom", heard); root.remove(); };
}

export default { render };
