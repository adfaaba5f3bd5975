// A tablist. Titles are text nodes.

function render({ model, el }) {
  const bar = document.createElement("div");
  bar.className = "oal oal-tabs";
  bar.setAttribute("role", "tablist");
  bar.setAttribute("aria-label", model.get("_label"));
  el.append(bar);
  let tabs = [];

  const choose = (key, focus) => {
    model.send({ k: "tab", key });
    if (focus) bar.dataset.focus = key;
  };
  const part = (name, text) => {
    const node = document.createElement("span");
    node.className = name;
    node.textContent = text;
    return node;
  };
  const make = (tab, active, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "oal-tab";
    button.setAttribute("role", "tab");
    button.setAttribute("aria-selected", String(tab.key === active));
    button.tabIndex = tab.key === active ? 0 : -1;
    button.append(part("oal-tab-title", tab.title));
    if (tab.count !== null) button.append(part("oal-tab-count", String(tab.count)));
    if (tab.hint) button.append(part("oal-tab-hint", tab.hint));
    button.addEventListener("click", () => choose(tab.key, false));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step ? index + step : -1;
      if (to < 0 || to >= tabs.length) return;
      event.preventDefault();
      choose(tabs[to].key, true);
    });
    return button;
  };
  const show = ({ tabs: next, active }) => {
    const focused = bar.contains(document.activeElement) || bar.dataset.focus;
    tabs = next;
    bar.replaceChildren(...next.map((tab, index) => make(tab, active, index)));
    if (focused) bar.querySelector('[aria-selected="true"]')?.focus();
    delete bar.dataset.focus;
  };
  const onMessage = (message) => message.k === "tabs" && show(message);
  model.on("msg:custom", onMessage);
  model.send({ k: "hello" });
  return () => model.off("msg:custom", onMessage);
}

export default { render };
