// The ladder's head: paints texts, sends switches. Everything from outside is set as text.

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function button(name, text, label) {
  const node = element("button", name, text);
  node.type = "button";
  node.setAttribute("aria-label", label);
  node.title = label;
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function labelled(name, label) {
  const box = element("span", `oal-ladder-cell ${name}`);
  const value = element("span", "oal-ladder-value");
  box.append(element("span", "oal-ladder-label", label), value);
  return { box, value };
}

function render({ model, el }) {
  const root = element("div", "oal-ladder-bar");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Market depth");
  root.dataset.lmSuppressShortcuts = "true";

  const title = element("div", "oal-ladder-title");
  const symbol = element("span", "oal-ladder-symbol");
  const ltp = element("span", "oal-ladder-value oal-ladder-ltp");
  const change = element("span", "oal-ladder-value");
  const last = element("span", "oal-ladder-last");
  last.append(ltp, change);
  title.append(symbol, last);

  const totals = element("div", "oal-ladder-totals");
  const bids = labelled("oal-ladder-bids", "Bids");
  const spread = labelled("oal-ladder-spread", "Spread");
  const asks = labelled("oal-ladder-asks", "Asks");
  totals.append(bids.box, spread.box, asks.box);
  const balance = element("div", "oal-ladder-balance");
  const share = element("div", "oal-ladder-share");
  balance.append(share);
  balance.setAttribute("aria-hidden", "true");

  const deal = element("div", "oal-ladder-deal");
  const toggle = button("oal-ladder-switch", undefined, "One click: a click in the ladder sends an order at once");
  toggle.setAttribute("role", "switch");
  toggle.append(element("span", "oal-ladder-knob"), element("span", "", "One click"));
  toggle.addEventListener("click", () => model.send({ k: "switch", on: toggle.getAttribute("aria-checked") !== "true" }));
  const less = button("oal-ladder-step", "−", "One lot less a click");
  const more = button("oal-ladder-step", "+", "One lot more a click");
  less.addEventListener("click", () => model.send({ k: "lots", by: -1 }));
  more.addEventListener("click", () => model.send({ k: "lots", by: 1 }));
  const product = element("select", "oal-ladder-product");
  product.setAttribute("aria-label", "Product of one-click orders");
  product.addEventListener("change", () => model.send({ k: "product", product: product.value }));
  const sends = element("span", "oal-ladder-sends");
  const badge = element("span", "oal-badge");
  const account = element("span", "oal-ladder-account");
  deal.append(toggle, less, sends, more, product, badge, account);

  const outside = element("div", "oal-ladder-label");
  const message = element("div", "oal-ladder-message");
  message.setAttribute("role", "status");
  root.append(title, totals, balance, deal, outside, message);
  el.append(root);

  const show = (next) => {
    say(symbol, next.symbol);
    symbol.title = next.exchange;
    say(ltp, next.ltp);
    say(change, (next.sign > 0 ? "▲ " : next.sign < 0 ? "▼ " : "") + next.change);
    change.className = `oal-ladder-value ${next.sign > 0 ? "oal-up" : next.sign < 0 ? "oal-down" : ""}`;
    say(bids.value, next.bid_total);
    say(spread.value, next.spread);
    say(asks.value, next.ask_total);
    share.style.width = `${(next.share * 100).toFixed(1)}%`;
    root.dataset.mode = next.mode;
    root.classList.toggle("oal-ladder-hot", next.one_click);
    toggle.setAttribute("aria-checked", String(next.one_click));
    toggle.disabled = !next.tradable;
    for (const node of [less, more, product, sends]) node.hidden = !next.one_click;
    say(sends, next.sends);
    if (product.dataset.all !== next.products.join()) {
      product.dataset.all = next.products.join();
      product.replaceChildren(...next.products.map((key) => element("option", "", key)));
    }
    product.value = next.product;
    say(badge, next.mode.toUpperCase());
    badge.className = `oal-badge oal-badge-${next.mode}`;
    say(account, next.account);
    say(outside, next.outside);
    message.className = `oal-ladder-message oal-ladder-${next.tone}`;
    message.setAttribute("role", next.tone === "bad" ? "alert" : "status");
    say(message, next.message);
  };
  const onMessage = (content) => content.k === "head" && show(content.v);
  model.on("msg:custom", onMessage);
  model.send({ k: "hello" });
  return () => model.off("msg:custom", onMessage);
}

export default { render };
