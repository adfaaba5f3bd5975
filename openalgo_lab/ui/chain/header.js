// The chain's header: a picker of underlyings and the figures. All text is set as text nodes.

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function render({ model, el }) {
  const head = element("div", "oal oal-chain-head");
  head.setAttribute("role", "region");
  head.setAttribute("aria-label", "Option chain figures");
  const pick = element("select", "oal-chain-pick");
  pick.setAttribute("aria-label", "Underlying");
  pick.addEventListener("change", () => model.send({ k: "pick", underlying: pick.value }));
  const mode = element("span", "oal-badge oal-chain-mode");
  const note = element("span", "oal-chain-note");
  head.append(pick, mode, note);
  el.append(head);

  const figures = new Map();
  const figure = (key) => {
    const box = element("div", "oal-chain-figure");
    const label = element("span", "oal-chain-label");
    const value = element("span", "oal-chain-value");
    box.append(label, value);
    box.dataset.figure = key;
    note.before(box);
    figures.set(key, { box, label, value });
    return figures.get(key);
  };
  const choices = ({ underlyings, chosen }) => {
    const known = [...pick.options].map((option) => option.value);
    if (known.join() !== underlyings.join()) {
      pick.replaceChildren(
        ...underlyings.map((name) => {
          const option = element("option", "", name);
          option.value = name;
          return option;
        }),
      );
    }
    pick.value = chosen;
  };
  const facts = ({ shown, stale, mode: word, note: words }) => {
    say(note, words);
    head.dataset.stale = stale ? "yes" : "no";
    say(mode, word.toUpperCase());
    mode.className = `oal-badge oal-chain-mode oal-badge-${word}`;
    const keys = shown.map(({ key }) => key);
    if (keys.join() !== [...figures.keys()].join()) {
      for (const { box } of figures.values()) box.remove();
      figures.clear();
    }
    for (const { key, label, value, hint, sign } of shown) {
      const at = figures.get(key) ?? figure(key);
      say(at.label, label);
      say(at.value, value);
      at.value.className = `oal-chain-value ${sign > 0 ? "oal-up" : sign < 0 ? "oal-down" : ""}`;
      if (at.box.title !== hint) at.box.title = hint;
    }
  };
  const onMessage = (message) => {
    if (message.k === "choices") choices(message);
    if (message.k === "facts") facts(message);
  };
  model.on("msg:custom", onMessage);
  model.send({ k: "hello" });
  return () => model.off("msg:custom", onMessage);
}

export default { render };
