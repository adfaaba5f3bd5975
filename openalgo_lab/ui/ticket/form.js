// The ticket's form: paints what Python says, sends what is done. Everything from outside is set as text, never HTML.

const REST_MS = 700; // after a press the button rests this long even when the answer is faster: a double click is one order
const SETTLE_MS = 60; // an Enter this soon after a keystroke waits for the button's new words
const SLOW_MS = 2000;
let forms = 0;

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(name, text, label) {
  const node = element("button", name, text);
  node.type = "button";
  if (label) node.setAttribute("aria-label", label);
  if (label) node.title = label;
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// One choice of several as a row of buttons: ARIA radio group, arrows move.
function choice(label, name, choose) {
  const box = element("div", `oal-ticket-choice ${name}`);
  box.setAttribute("role", "radiogroup");
  box.setAttribute("aria-label", label);
  let keys = "";
  const show = (options, active) => {
    if (options.map((option) => option.key + option.text).join() !== keys) {
      keys = options.map((option) => option.key + option.text).join();
      box.replaceChildren(...options.map((option) => {
        const item = button("oal-ticket-option", option.text);
        item.dataset.key = option.key;
        item.setAttribute("role", "radio");
        if (option.title) item.title = option.title;
        item.addEventListener("click", () => choose(option.key));
        return item;
      }));
    }
    for (const item of box.children) {
      const on = item.dataset.key === active;
      item.setAttribute("aria-checked", String(on));
      item.tabIndex = on ? 0 : -1;
    }
  };
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const items = [...box.children];
    const to = items[(items.indexOf(event.target) + step + items.length) % items.length];
    event.preventDefault();
    event.stopPropagation();
    to.focus();
    choose(to.dataset.key);
  });
  return { box, show };
}

// A labelled input with steppers and the place for its problem.
function field(id, key, label, options, post) {
  const box = element("div", `oal-ticket-field oal-ticket-field-${key}`);
  const caption = element("label", "oal-ticket-label", label);
  const line = element("div", "oal-ticket-line");
  const input = element("input", options.text ? "oal-ticket-input" : "oal-ticket-input oal-num");
  Object.assign(input, { type: "text", id: `${id}-${key}`, autocomplete: "off", spellcheck: false, maxLength: 32 });
  if (!options.text) input.inputMode = options.decimal ? "decimal" : "numeric";
  if (options.hint) input.placeholder = options.hint;
  caption.htmlFor = input.id;
  const problem = element("div", "oal-ticket-problem");
  problem.id = `${id}-${key}-problem`;
  problem.setAttribute("aria-live", "polite");
  input.setAttribute("aria-describedby", problem.id);
  const step = (by) => post({ k: "step", field: key, by });
  if (options.unit) {
    const less = button("oal-ticket-step", "−", `One ${options.unit} less`);
    const more = button("oal-ticket-step", "+", `One ${options.unit} more`);
    for (const [node, by] of [[less, -1], [more, 1]]) {
      node.tabIndex = -1; // the arrow keys in the field do the same
      node.addEventListener("click", () => step(by));
    }
    line.append(less, input, more);
    input.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      step(event.shiftKey ? by * 10 : by);
    });
  } else line.append(input);
  input.addEventListener("input", () => post({ k: "type", field: key, text: input.value }, true));
  input.addEventListener("focus", () => input.select());
  box.append(caption, line, problem);
  let rev = -1;
  const show = (value) => {
    const typing = input.getRootNode().activeElement === input;
    if (value.rev !== rev || !typing) {
      if (input.value !== value.text) input.value = value.text;
      rev = value.rev;
    }
    // An empty field is unfinished, not wrong; nor is what is still being looked up.
    const quiet = !value.text || value.problem.endsWith("…");
    box.classList.toggle("oal-ticket-wrong", Boolean(value.problem) && !quiet);
    input.setAttribute("aria-invalid", String(Boolean(value.problem) && !quiet));
    say(problem, value.problem);
  };
  return { box, input, show, name: (text) => say(caption, text) };
}

// A labelled list of choices, with the same face as a field.
function picker(id, key, label, post) {
  const box = element("div", `oal-ticket-field oal-ticket-field-${key}`);
  const caption = element("label", "oal-ticket-label", label);
  const list = element("select", "oal-ticket-select");
  list.id = `${id}-${key}`;
  caption.htmlFor = list.id;
  const problem = element("div", "oal-ticket-problem");
  list.addEventListener("change", () => post({ k: "type", field: key, text: list.value }, true));
  box.append(caption, list, problem);
  let shown = "";
  const show = (value) => {
    list.value = value.text;
    say(problem, value.problem);
  };
  const offer = (options) => {
    if (JSON.stringify(options) === shown) return;
    shown = JSON.stringify(options);
    list.replaceChildren(...options.map(([value, text]) => {
      const option = element("option", "", text);
      option.value = value;
      return option;
    }));
  };
  return { box, input: list, show, offer, name: (text) => say(caption, text) };
}

// The fields that a kind of order has beyond those of a plain one: made when they are first wanted.
function extras(id, post) {
  const box = element("div", "oal-ticket-pair oal-ticket-extras");
  const made = new Map();
  let order = "";
  const one = (shape) => {
    if (!made.has(shape.key)) {
      const options = { unit: shape.unit, decimal: shape.decimal, hint: shape.hint };
      const node = shape.options.length ? picker(id, shape.key, shape.label, post) : field(id, shape.key, shape.label, options, post);
      if (node.input.inputMode && shape.key === "position") node.input.inputMode = "text"; // a sign may be typed
      made.set(shape.key, node);
    }
    return made.get(shape.key);
  };
  const show = (shapes, fields) => {
    const nodes = shapes.map(one);
    if (shapes.map((shape) => shape.key).join() !== order) {
      order = shapes.map((shape) => shape.key).join();
      box.replaceChildren(...nodes.map((node) => node.box));
    }
    shapes.forEach((shape, at) => {
      if (shape.options.length) nodes[at].offer(shape.options);
      nodes[at].name?.(shape.label);
      nodes[at].show(fields[shape.key]);
    });
    box.hidden = !shapes.length;
  };
  return { box, show };
}

function render({ model, el }) {
  const id = `oal-ticket-${++forms}`;
  let state = null;
  let market = null;
  let pressed = false; // this browser has pressed and waits
  let pressedAt = 0;
  let typedAt = 0;
  let restTimer = 0;
  let slowTimer = 0;
  const now = () => Date.now() / 1000;
  const post = (message, typed) => {
    if (typed) typedAt = performance.now();
    model.send(message);
  };
  const choose = (name) => (key) => post({ k: "choose", [name]: key });

  const root = element("div", "oal-ticket");
  root.setAttribute("role", "form");
  root.setAttribute("aria-label", "Order ticket");
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's one-letter commands must not hear b and s
  root.tabIndex = -1;

  const head = element("div", "oal-ticket-head");
  const mode = element("span", "oal-badge");
  const account = element("span", "oal-ticket-account");
  const accounts = element("select", "oal-ticket-select");
  accounts.setAttribute("aria-label", "Account");
  accounts.addEventListener("change", () => post({ k: "choose", account: accounts.value }));
  const kind = element("select", "oal-ticket-select oal-ticket-kind");
  kind.setAttribute("aria-label", "Kind of order");
  kind.title = "Kind of order";
  kind.addEventListener("change", () => post({ k: "choose", kind: kind.value }));
  head.append(mode, account, accounts, kind);

  const side = choice("Side", "oal-ticket-sides", choose("side"));
  const title = element("div", "oal-ticket-title");
  const symbol = element("div", "oal-ticket-symbol");
  const exchange = element("span", "oal-ticket-exchange");
  const name = element("div", "oal-ticket-name");
  const quote = element("div", "oal-ticket-quote");
  const ltp = element("div", "oal-ticket-ltp");
  const change = element("div", "oal-ticket-change");
  const symbolText = element("span", "oal-ticket-symbol-text");
  symbol.append(symbolText, exchange);
  const what = element("div", "oal-ticket-what");
  what.append(symbol, name);
  quote.append(ltp, change);
  title.append(what, quote);

  const product = choice("Product", "oal-ticket-product", choose("product"));
  const type = choice("Price type", "oal-ticket-type", choose("price_type"));
  const choices = element("div", "oal-ticket-choices");
  choices.append(product.box, type.box);

  const fields = {
    lots: field(id, "lots", "Lots", { unit: "lot" }, post),
    quantity: field(id, "quantity", "Quantity", { unit: "lot" }, post),
    price: field(id, "price", "Price", { unit: "tick", decimal: true }, post),
    trigger_price: field(id, "trigger_price", "Trigger", { unit: "tick", decimal: true }, post),
    disclosed_quantity: field(id, "disclosed_quantity", "Disclosed", { unit: "lot", hint: "all" }, post),
    strategy: field(id, "strategy", "Strategy", { text: true, hint: "none" }, post),
    tag: field(id, "tag", "Tag", { text: true, hint: "none" }, post),
  };
  const amounts = element("div", "oal-ticket-pair");
  amounts.append(fields.lots.box, fields.quantity.box);
  const prices = element("div", "oal-ticket-pair");
  prices.append(fields.price.box, fields.trigger_price.box);

  const quick = element("div", "oal-ticket-quick");
  quick.setAttribute("role", "group");
  quick.setAttribute("aria-label", "Set the price to");
  const quicks = ["bid", "mid", "ask", "ltp"].map((key) => {
    const node = button("oal-ticket-chip", undefined, `Price at ${key === "ltp" ? "the last price" : `the ${key}`}`);
    const value = element("span", "oal-ticket-chip-value");
    node.append(element("span", "oal-ticket-chip-name", key === "ltp" ? "LTP" : key), value);
    node.addEventListener("click", () => post({ k: "put", what: key }));
    return { key, node, value };
  });
  quick.append(...quicks.map((one) => one.node));

  const more = element("details", "oal-ticket-more");
  const summary = element("summary", "", "More");
  const validity = choice("Validity", "oal-ticket-validity", choose("validity"));
  const inside = element("div", "oal-ticket-pair");
  const validityBox = element("div", "oal-ticket-field");
  validityBox.append(element("span", "oal-ticket-label", "Validity"), validity.box);
  inside.append(validityBox, fields.disclosed_quantity.box, fields.strategy.box, fields.tag.box);
  more.append(summary, inside);

  const beyond = extras(id, post);
  const story = element("div", "oal-ticket-story");
  story.setAttribute("role", "note");

  const cost = element("div", "oal-ticket-cost");
  const costs = Object.fromEntries([["margin", "Margin"], ["charges", "Charges"], ["left", "Left after"]].map(([key, label]) => {
    const cell = element("div", `oal-ticket-cost-${key}`);
    const value = element("div", "oal-ticket-cost-value");
    cell.append(element("div", "oal-ticket-cost-label", label), value);
    cost.append(cell);
    return [key, value];
  }));
  const costNote = element("div", "oal-ticket-cost-note");

  const general = element("div", "oal-ticket-general");
  general.setAttribute("role", "alert");
  const submit = button("oal-ticket-submit");
  const deed = element("span", "oal-ticket-deed");
  const where = element("span", "oal-ticket-where");
  submit.append(deed, where);
  const message = element("div", "oal-ticket-message");
  message.setAttribute("role", "alert");
  const again = button("oal-button oal-ticket-again");
  const outcome = element("div", "oal-ticket-outcome");
  const outcomeText = element("span", "oal-ticket-outcome-text");
  outcomeText.setAttribute("role", "status");
  const modify = button("oal-ticket-link", "Modify", "Modify this order");
  const cancel = button("oal-ticket-link", "Cancel", "Cancel this order");
  outcome.append(outcomeText, modify, cancel);

  root.append(head, side.box, title, choices, amounts, prices, quick, beyond.box, more, story, cost, costNote, general, submit, message, again, outcome);
  el.append(root);

  const rest = () => {
    const left = pressedAt + REST_MS - performance.now();
    clearTimeout(restTimer);
    if (left > 0) restTimer = setTimeout(rest, left);
    else {
      pressed = false;
      paintButton();
    }
  };
  const press = (send) => {
    if (pressed) return;
    pressed = true;
    pressedAt = performance.now();
    send();
    paintButton();
    clearTimeout(slowTimer);
    slowTimer = setTimeout(() => {
      if (pressed) {
        message.className = "oal-ticket-message oal-ticket-bad";
        say(message, "No answer yet: the notebook or the broker is busy. The order book has the truth; do not send it twice.");
      }
    }, SLOW_MS);
  };
  const trySubmit = () => {
    if (!state?.armed || pressed) return;
    press(() => model.send({ k: "submit", seen: state.button, t: now() }));
  };
  const paintButton = () => {
    const waiting = pressed || state?.waiting;
    submit.disabled = waiting || !state?.armed;
    submit.classList.toggle("oal-ticket-waiting", Boolean(waiting));
    again.disabled = Boolean(waiting);
    submit.setAttribute("aria-busy", String(Boolean(waiting)));
    const [first, ...others] = (state?.button ?? "").split(" · ");
    say(deed, (waiting ? "Sending… " : "") + first);
    say(where, others.join(" · "));
  };
  submit.addEventListener("click", (event) => event.detail < 2 && trySubmit());
  again.addEventListener("click", (event) => {
    if (event.detail < 2) press(() => model.send({ k: "again", t: now() }));
  });
  modify.addEventListener("click", () => model.send({ k: "modify" }));
  cancel.addEventListener("click", () => {
    cancel.disabled = true; // until the order's next news
    model.send({ k: "cancel" });
  });

  const showAccounts = () => {
    const many = state.accounts.length > 1;
    accounts.hidden = !many;
    account.hidden = many;
    say(account, state.account);
    const wanted = state.accounts.map((pair) => pair.join(" · ")).join("\n");
    if (accounts.dataset.wanted !== wanted) {
      accounts.dataset.wanted = wanted;
      accounts.replaceChildren(...state.accounts.map(([key, word]) => {
        const option = element("option", "", `${key} · ${word}`);
        option.value = key;
        return option;
      }));
    }
    accounts.value = state.account;
    if (!kind.children.length) {
      kind.append(...state.kinds.map(([key, words]) => {
        const option = element("option", "", words);
        option.value = key;
        return option;
      }));
    }
    kind.value = state.kind;
    kind.classList.toggle("oal-ticket-kind-plain", state.kind === "order");
    say(mode, state.mode.toUpperCase());
    mode.className = `oal-badge oal-badge-${state.mode}`;
  };
  const showCost = () => {
    for (const [key, node] of Object.entries(costs)) say(node, state.cost[key] || "–");
    const asked = state.cost.note === "…";
    cost.classList.toggle("oal-ticket-old", asked);
    cost.classList.toggle("oal-ticket-short", state.cost.short);
    cost.title = asked ? "" : state.cost.note;
    const failed = !state.cost.margin && !asked ? state.cost.note : "";
    say(costNote, state.cost.short ? "More than the account has available." : failed);
  };
  const showState = (next) => {
    state = next;
    root.className = `oal-ticket oal-ticket-${state.side.toLowerCase()}`;
    showAccounts();
    side.show([{ key: "BUY", text: "BUY", title: "Buy (B)" }, { key: "SELL", text: "SELL", title: "Sell (S)" }], state.side);
    say(symbolText, state.title);
    say(exchange, state.exchange);
    say(name, state.name);
    const titles = { CNC: "Delivery", NRML: "Carried overnight", MIS: "Intraday, squared off by the broker" };
    product.show(state.products.map((key) => ({ key, text: key, title: titles[key] })), state.product);
    const kinds = { MARKET: "At the market", LIMIT: "At your price or better", SL: "Stop with a limit price", "SL-M": "Stop at the market" };
    type.show(state.types.map((key) => ({ key, text: key, title: kinds[key] })), state.price_type);
    validity.show([{ key: "DAY", text: "DAY" }, { key: "IOC", text: "IOC", title: "Immediate or cancel" }], state.validity);
    const hides = new Set(state.hides);
    const priced = (state.price_type === "LIMIT" || state.price_type === "SL") && !hides.has("price");
    const triggered = state.price_type.startsWith("SL") && !hides.has("trigger");
    fields.price.box.hidden = !priced;
    fields.trigger_price.box.hidden = !triggered;
    prices.hidden = !priced && !triggered;
    quick.hidden = !priced;
    side.box.hidden = hides.has("side");
    amounts.hidden = hides.has("amounts");
    type.box.hidden = hides.has("type");
    validityBox.hidden = hides.has("validity");
    fields.disclosed_quantity.box.hidden = hides.has("disclosed");
    fields.lots.box.hidden = state.lot === 1;
    for (const [key, one] of Object.entries(fields)) one.show(state.fields[key]);
    beyond.show(state.shapes, state.fields);
    say(story, state.story);
    if (["disclosed_quantity", "strategy", "tag"].some((key) => state.fields[key].problem) || state.problems.validity) more.open = true;
    showCost();
    say(general, Object.values(state.problems).join(" "));
    message.className = `oal-ticket-message ${state.bad ? "oal-ticket-bad" : ""}`;
    say(message, state.message);
    again.hidden = !state.again;
    say(again, state.again);
    if (pressed && !state.waiting) {
      clearTimeout(slowTimer);
      rest();
    }
    paintButton();
  };
  const showMarket = (next) => {
    market = next;
    title.classList.toggle("oal-ticket-stale", market.stale);
    say(ltp, market.ltp);
    const arrow = market.sign > 0 ? "▲ " : market.sign < 0 ? "▼ " : "";
    say(change, arrow + market.change);
    change.className = `oal-ticket-change ${market.sign > 0 ? "oal-up" : market.sign < 0 ? "oal-down" : ""}`;
    for (const one of quicks) {
      say(one.value, market[one.key]);
      one.node.disabled = market[one.key] === "–";
    }
  };
  const showOutcome = (next) => {
    outcome.hidden = !next;
    cancel.disabled = false;
    if (!next) return;
    outcome.dataset.tone = next.tone;
    say(outcomeText, next.text);
    modify.hidden = !next.changes;
    cancel.hidden = !next.working;
  };
  showOutcome(null);

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inText = event.target instanceof HTMLSelectElement || [fields.strategy.input, fields.tag.input].includes(event.target);
    const key = event.key.toLowerCase();
    if ((key === "b" || key === "s") && !inText) {
      if (!event.repeat) post({ k: "choose", side: key === "b" ? "BUY" : "SELL" });
    } else if (event.key === "Escape") post({ k: "clear" });
    else if (event.key === "Enter" && !["BUTTON", "SUMMARY", "SELECT"].includes(event.target.tagName)) {
      if (!event.repeat) setTimeout(trySubmit, Math.max(typedAt + SETTLE_MS - performance.now(), 0));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  // Enter held down on the focused button must not send a second time.
  submit.addEventListener("keydown", (event) => event.repeat && event.preventDefault());

  const show = { state: showState, market: showMarket, outcome: showOutcome };
  const onMessage = (content) => {
    if (content.k === "focus") (fields.lots.box.hidden ? fields.quantity : fields.lots).input.focus();
    else show[content.k]?.(content.v);
  };
  model.on("msg:custom", onMessage);
  model.send({ k: "hello", t: now() });
  return () => {
    model.off("msg:custom", onMessage);
    clearTimeout(restTimer);
    clearTimeout(slowTimer);
  };
}

export default { render };
