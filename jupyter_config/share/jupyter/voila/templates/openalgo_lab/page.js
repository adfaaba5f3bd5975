// Life of one dashboard page: its kernel's heartbeat, what is said when something ends, and coming back by itself.
window.openalgoPage = (function () {
  const BEAT_MS = 5000;
  const PAINT_LIMIT_MS = 30000;
  const PATIENCE_MS = 30000;
  const AGAIN = "openalgo-lab-again"; // how often this tab has loaded itself afresh, until it painted
  const MOST_AGAIN = 3;
  const RETURNS = 3;
  const RETURNS_MS = 60000;
  const base = document.body.dataset.baseUrl.replace(/voila\/$/, "");
  const $ = (id) => document.getElementById(id);
  const state = { kernel: null, socket: null, beat: 0, leaving: false, failed: false, painted: false };

  function fault(title, text, detail) {
    if (state.failed) return;
    state.failed = true;
    tell(title, text, detail);
  }

  function tell(title, text, detail) {
    $("loading")?.remove();
    document.documentElement.dataset.oalFault = "yes";
    $("oal-fault-title").textContent = title;
    $("oal-fault-text").textContent = text;
    if (detail) {
      $("oal-fault-detail").textContent = detail;
      $("oal-fault-more").hidden = false;
    }
    $("oal-fault").hidden = false;
  }

  function untell() {
    delete document.documentElement.dataset.oalFault;
    $("oal-fault").hidden = true;
  }

  const reload = () => { state.leaving = true; window.location.reload(); };

  // Ask until the server answers, then load the page afresh: a new kernel joins the engine that goes on running.
  async function comeBack() {
    for (;;) {
      try {
        const reply = await fetch(base + "openalgo/health", { cache: "no-store", redirect: "manual" });
        if (reply.ok) return reload();
        if (reply.type === "opaqueredirect" || reply.status === 403) {
          return fault("Sign in again", "The server was started anew. Open the app again from where you started it.");
        }
      } catch { /* not there yet */ }
      await new Promise((done) => setTimeout(done, 1000));
    }
  }

  function connect() {
    const address = new URL(base + "openalgo/page/" + state.kernel, window.location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    state.socket = socket;
    socket.onopen = () => {
      say("");
      if (state.painted) socket.send("painted");
      clearInterval(state.beat);
      state.beat = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send("beat"), BEAT_MS);
    };
    socket.onmessage = (event) => {
      if (JSON.parse(event.data).kernel !== "gone") return;
      if (!state.painted) broken("The process ended before the page was drawn.");
      else if (tooOften()) fault("This page keeps ending", "Its process ended several times within a minute. Reload to try again.");
      else lost("This page's process ended. Loading it afresh…");
    };
    socket.onclose = () => {
      clearInterval(state.beat);
      if (!state.leaving) lost("The server does not answer. This page returns by itself when it does.");
    };
  }

  // A page that dies again and again must not reload for ever: it asks the person instead.
  function tooOften() {
    const KEY = "openalgo-lab-returns";
    const now = Date.now();
    const recent = JSON.parse(sessionStorage.getItem(KEY) ?? "[]").filter((time) => now - time < RETURNS_MS);
    sessionStorage.setItem(KEY, JSON.stringify([...recent, now]));
    return recent.length >= RETURNS;
  }

  function say(text) { $("oal-link").textContent = text; }

  function lost(text) {
    if (state.leaving) return;
    state.leaving = true;
    document.documentElement.dataset.oalLost = "yes";
    say(text);
    comeBack();
  }

  function begin() {
    state.kernel = JSON.parse($("jupyter-config-data").textContent).kernelId;
    connect();
  }

  // Cells have run. Voilà's front end calls voila_finish once more when it is ready to draw.
  function finish() {
    state.finished = true;
    const errors = [...document.querySelectorAll("script.oal-error")].map((node) => JSON.parse(node.textContent));
    const fatal = errors.find((error) => error.name !== "stderr") ?? (document.querySelector("[type^='application/vnd.voila']") ? null : errors[0]);
    if (fatal) {
      // Of what a program wrote before it stopped, the last line says what went wrong; the rest is for the log.
      const lastLine = fatal.value.trimEnd().split("\n").pop();
      // Voilà's own words, for its operator, when the process is gone: which of two messages tells so first is chance.
      if (fatal.value.startsWith("An exception occurred at the server")) broken("The process ended before the page was drawn.");
      else if (fatal.name === "stderr") fault("This page could not start", "Its program stopped with an error.", lastLine);
      else fault("This page could not start", fatal.value.includes("\n") ? lastLine : fatal.value, fatal.name);
    } else if (!state.kernel) {
      fault("This page could not start", "Its process did not come up. Reload to try again.");
    } else {
      window.display_cells();
    }
  }

  // anywidget gives a widget up for good that took two seconds to start: on a busy machine a good one does.
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (ms) => timeout(Math.max(ms, PATIENCE_MS));

  // On a busy machine Voilà's front end may look for the page's widget just before it is there, and looks only once.
  function missed() { return $("rendered_cells").textContent.includes("Error displaying widget"); }

  function again() {
    const times = Number(sessionStorage.getItem(AGAIN) ?? 0);
    if (times >= MOST_AGAIN) return fault("This page did not start", "This machine is very busy. Reload to try again.");
    sessionStorage.setItem(AGAIN, String(times + 1));
    reload();
  }

  function painted() {
    if (state.painted || state.failed) return;
    state.painted = true;
    untell(); // a page that was late is one all the same
    sessionStorage.removeItem(AGAIN);
    performance.mark("openalgo-first-paint");
    $("loading")?.remove();
    if (state.socket?.readyState === WebSocket.OPEN) state.socket.send("painted");
  }

  function watchForPaint() {
    const cells = $("rendered_cells");
    const drawn = () => cells.querySelector(".jp-OutputArea-output > *, .jp-OutputArea-output.jupyter-widgets, .oal-stream, .jp-MarkdownOutput");
    const observer = new MutationObserver(() => {
      if (missed()) { observer.disconnect(); again(); }
      else if (drawn()) { observer.disconnect(); requestAnimationFrame(painted); }
    });
    observer.observe(cells, { childList: true, subtree: true });
    if (drawn()) { observer.disconnect(); requestAnimationFrame(painted); }
  }

  const broken = (why) => fault("This page could not start", "Its process did not come up or ended. Reload to try again.", why);

  setTimeout(() => {
    if (!state.painted && !state.failed) tell("This page did not start yet", "Its parts did not arrive within 30 seconds. Wait, or reload to try again.");
  }, PAINT_LIMIT_MS);
  window.voila_heartbeat = () => {};
  window.update_loading_text = () => {};
  window.display_cells = () => {
    if (state.failed || !state.finished) return;
    window.cellLoaded = true;
    $("rendered_cells").style.display = "";
    watchForPaint();
  };
  window.voila_process = window.update_loading_text;
  window.voila_finish = window.display_cells;
  window.addEventListener("beforeunload", () => { state.leaving = true; });
  // A page that comes out of the browser's back/forward store has lost its kernel.
  window.addEventListener("pageshow", (event) => { if (event.persisted) reload(); });
  $("oal-reload").addEventListener("click", reload);
  return { begin, finish, broken };
})();
