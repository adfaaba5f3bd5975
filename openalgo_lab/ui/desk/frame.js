// The desk's own furniture: keys of the page, the list of all keys, and three things to try at the first start.

const REMEMBERED = "oal-desk-welcome";
const WIDE = 1200; // from here on desk.css shows every part at once
const KEYS = [
  ["Anywhere", [
    ["/", "Search an instrument"],
    ["B  S", "Buy or sell what is selected: opens the ticket"],
    ["Esc", "Close or clear"],
    ["?", "This list"],
  ]],
  ["In a table", [
    ["↑ ↓ ← →", "Move; Home, End, Page up and Page down jump"],
    ["Enter", "Select the row, or press the button under the cursor"],
    ["B  S", "Buy or sell the row"],
    ["M  X  C", "Modify or cancel an order, close a position"],
    ["Ctrl C", "Copy the row, ready for a spreadsheet"],
  ]],
  ["In the ticket", [
    ["↑ ↓", "One tick or one lot up or down"],
    ["Enter", "Send what the button says"],
    ["Esc", "Clear"],
  ]],
  ["In the status bar", [["Enter, held", "Kill switch: cancel every working order, refuse new ones"]]],
];

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(name, text, label, press) {
  const node = element("button", `oal-button ${name}`, text);
  node.type = "button";
  if (label) node.setAttribute("aria-label", label);
  node.addEventListener("click", press);
  return node;
}

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function keyList() {
  const dialog = element("dialog", "oal oal-keys");
  dialog.setAttribute("aria-label", "Keys");
  const head = element("div", "oal-keys-head");
  head.append(element("h2", "", "Keys"), button("oal-keys-shut", "×", "Close", () => dialog.close()));
  const parts = element("div", "oal-keys-parts");
  for (const [where, keys] of KEYS) {
    const part = element("section", "");
    const list = element("dl", "");
    for (const [key, what] of keys) list.append(element("dt", "", key), element("dd", "", what));
    part.append(element("h3", "", where), list);
    parts.append(part);
  }
  dialog.append(head, parts);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED) !== null;
  } catch {
    return false;
  }
}

function remember() {
  try {
    localStorage.setItem(REMEMBERED, "seen");
  } catch {
    return; // a private window: it comes again
  }
}

function welcome(model) {
  const card = element("section", "oal-welcome");
  card.setAttribute("aria-label", "Three things to try");
  const item = (number, text, act) => {
    const box = element("span", "oal-welcome-item");
    box.append(element("b", "", number), element("span", "", text), act);
    return box;
  };
  const search = () => document.querySelector(".oal-watchlist .oal-search-input")?.focus();
  const chain = element("a", "oal-button", "Chain");
  chain.href = `${(document.body.dataset.baseUrl ?? "/").replace(/voila\/$/, "")}openalgo/option_chain`;
  const head = element("strong", "", "");
  const shut = button("oal-welcome-shut", "×", "Do not show again", () => {
    remember();
    card.remove();
  });
  card.append(
    head,
    item("1", "Add a symbol", button("", "Search", "Search a symbol", search)),
    item("2", "Place an order", button("", "Ticket", "Open the ticket", () => model.send({ k: "key", key: "b" }))),
    item("3", "Read the option chain", chain),
    shut,
  );
  const update = ({ mode }) => (head.textContent = mode === "simulated" ? "Simulated market, no real money:" : "To begin:");
  return { card, update };
}

function render({ model, el }) {
  const root = element("div", "oal oal-frame");
  const dialog = keyList();
  const first = welcome(model);
  if (!remembered()) root.append(first.card);
  root.append(dialog);
  el.append(root);

  const ours = (target) => {
    const desk = root.closest(".oal-desk");
    return desk && (desk.contains(target) || (target === document.body && document.body.classList.contains("oal-page")));
  };
  const onKey = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (typing(event.target) || !ours(event.target) || dialog.open) return;
    const key = event.key.toLowerCase();
    if (key === "?") dialog.showModal();
    else if (key === "b" || key === "s") model.send({ k: "key", key });
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  const onMessage = (message) => {
    if (message.k === "facts") first.update(message);
    if (message.k === "keys") dialog.showModal();
  };
  model.on("msg:custom", onMessage);
  // What is not in view is not built: Python hears whether all parts are.
  let wide = null;
  const sizes = new ResizeObserver(() => {
    const width = root.closest(".oal-desk")?.clientWidth ?? 0;
    if (!width || wide === width >= WIDE) return;
    wide = width >= WIDE;
    model.send({ k: "hello", wide });
  });
  sizes.observe(root);
  return () => {
    sizes.disconnect();
    document.removeEventListener("keydown", onKey);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
