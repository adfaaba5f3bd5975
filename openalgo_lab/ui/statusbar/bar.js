// The status bar: paints facts as text nodes, sends presses. No HTML from outside is ever parsed.

const HOLD_MS = 800;

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function cell(label, name) {
  const box = element("span", `oal-bar-cell ${name}`);
  box.append(element("span", "oal-bar-label", label));
  const value = element("span", "oal-bar-value");
  box.append(value);
  return { box, value };
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A press that must be held: pointer, or Enter/Space on the keyboard. Lets go too early: nothing happens.
function onHold(button, done) {
  let timer = 0;
  const stop = () => {
    clearTimeout(timer);
    timer = 0;
    button.classList.remove("oal-holding");
  };
  const start = (event) => {
    if (timer || (event.type === "keydown" && !["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    button.classList.add("oal-holding");
    timer = setTimeout(() => {
      stop();
      done();
    }, HOLD_MS);
  };
  button.addEventListener("pointerdown", start);
  button.addEventListener("keydown", start);
  for (const type of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) button.addEventListener(type, stop);
}

function replayControls(model) {
  const box = element("span", "oal-bar-replay");
  box.hidden = true;
  const play = element("button", "oal-button oal-bar-small");
  play.type = "button";
  const moment = element("span", "oal-bar-value");
  const track = element("input", "oal-bar-track");
  Object.assign(track, { type: "range", min: 0, max: 1000, step: 1 });
  track.setAttribute("aria-label", "Position in the recording");
  const speed = element("select", "oal-bar-speed");
  speed.setAttribute("aria-label", "Speed of the replay");
  for (const value of [1, 2, 5, 10, 30, 60]) {
    const option = element("option", "", `${value}×`);
    option.value = String(value);
    speed.append(option);
  }
  let now = null;
  let dragging = false;
  play.addEventListener("click", () => {
    model.send(now?.ended ? { k: "steer", progress: 0, paused: false } : { k: "steer", paused: !now?.paused });
  });
  track.addEventListener("pointerdown", () => (dragging = true));
  track.addEventListener("change", () => {
    dragging = false;
    model.send({ k: "steer", progress: Number(track.value) / 1000 });
  });
  speed.addEventListener("change", () => model.send({ k: "steer", speed: Number(speed.value) }));
  box.append(play, track, moment, speed);
  const update = (facts) => {
    now = facts;
    box.hidden = !facts;
    if (!facts) return;
    const label = facts.ended ? "Play again" : facts.paused ? "Play" : "Pause";
    say(play, facts.ended ? "↺" : facts.paused ? "▶" : "❚❚");
    play.setAttribute("aria-label", label);
    play.title = label;
    say(moment, facts.moment + (facts.ended ? " · end" : ""));
    if (!dragging) track.value = String(Math.round(facts.progress * 1000));
    if (![...speed.options].some((option) => Number(option.value) === facts.speed)) {
      const option = element("option", "", `${facts.speed}×`);
      option.value = String(facts.speed);
      speed.append(option);
    }
    if (document.activeElement !== speed) speed.value = String(facts.speed);
  };
  return { box, update };
}

function render({ model, el }) {
  const bar = element("div", "oal oal-bar");
  bar.setAttribute("role", "region");
  bar.setAttribute("aria-label", "Status");
  const mode = element("span", "oal-badge oal-bar-mode");
  const account = element("span", "oal-bar-account");
  const dot = element("span", "oal-bar-dot");
  dot.setAttribute("aria-hidden", "true");
  const feed = cell("Feed", "oal-bar-feed");
  feed.box.prepend(dot);
  const order = cell("Order", "oal-bar-order");
  order.box.title = "Median time from asking for an order to the broker's answer, last minute";
  const profit = cell("P&L today", "oal-bar-profit");
  const unknown = element("span", "oal-bar-unknown");
  unknown.setAttribute("role", "alert");
  const clock = element("span", "oal-bar-clock oal-num");
  clock.title = "The market's time, IST";
  const engine = element("span", "oal-bar-engine");
  const note = element("span", "oal-bar-note");
  note.setAttribute("role", "status");
  const replay = replayControls(model);
  const kill = element("button", "oal-button oal-bar-kill");
  kill.type = "button";
  let facts = null;
  onHold(kill, () => model.send({ k: "kill", engage: !facts?.kill_switch }));
  const spring = element("span", "oal-bar-spring");
  bar.append(mode, account, feed.box, order.box, profit.box, unknown, replay.box, note, spring, engine, clock, kill);
  el.append(bar);

  let noteTimer = 0;
  const show = (next) => {
    facts = next;
    bar.dataset.mode = next.mode;
    say(mode, next.mode_word);
    mode.className = `oal-badge oal-bar-mode oal-badge-${next.mode}`;
    say(account, next.broker && next.broker !== next.account ? `${next.broker} · ${next.account}` : next.account);
    bar.dataset.feed = next.feed;
    say(feed.value, next.feed_text);
    say(order.value, next.order_text);
    const arrow = next.profit_sign > 0 ? "▲ " : next.profit_sign < 0 ? "▼ " : "";
    say(profit.value, arrow + next.profit_text);
    profit.value.className = `oal-bar-value ${next.profit_sign > 0 ? "oal-up" : next.profit_sign < 0 ? "oal-down" : ""}`;
    const many = next.unknown_orders;
    say(unknown, many ? `${many} order${many > 1 ? "s" : ""} UNKNOWN` : "");
    unknown.hidden = !many;
    say(clock, next.clock);
    say(engine, next.engine_text);
    bar.classList.toggle("oal-bar-recovering", next.recovering);
    replay.update(next.replay);
    kill.classList.toggle("oal-bar-killed", next.kill_switch);
    say(kill, next.kill_switch ? "Orders stopped · hold to allow" : "Hold to stop all");
    kill.setAttribute("aria-pressed", String(next.kill_switch));
    kill.title = next.kill_switch
      ? "New orders are refused. Hold for 0.8 s to allow them again."
      : "Kill switch: hold for 0.8 s to cancel every working order and refuse new ones.";
  };
  const onMessage = (message) => {
    if (message.k === "facts") show(message);
    if (message.k === "note") {
      say(note, message.text);
      note.classList.toggle("oal-down", message.tone === "bad");
      clearTimeout(noteTimer);
      noteTimer = setTimeout(() => say(note, ""), 6000);
    }
  };
  model.on("msg:custom", onMessage);
  model.send({ k: "hello" });
  return () => {
    clearTimeout(noteTimer);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
