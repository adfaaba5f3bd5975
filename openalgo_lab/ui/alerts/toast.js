// Shows alerts on the page: a toast that stays until it is pressed, a short sound, a notification of the desktop.
function toast(box, message) {
  const item = document.createElement("button");
  item.className = "oal-toast";
  item.setAttribute("role", "alert");
  item.textContent = message; // text only: names and reasons come from outside
  item.title = "Press to acknowledge";
  box.append(item);
  return item;
}

function beep() {
  const audio = new (window.AudioContext || window.webkitAudioContext)();
  audio.resume(); // a browser keeps a page silent until somebody has pressed something in it
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.value = 0.08;
  tone.frequency.value = 880;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.18);
  tone.onended = () => audio.close();
}

export default {
  render({ model, el }) {
    el.classList.add("oal-alerts-head");
    const toasts = document.createElement("div");
    toasts.className = "oal-toasts";
    // Browsers ask for the right to notify only upon a press, never by themselves.
    const allow = document.createElement("button");
    allow.type = "button";
    allow.className = "oal-toast-allow";
    allow.textContent = "Allow notifications on the desktop";
    allow.hidden = !("Notification" in window) || Notification.permission !== "default";
    allow.addEventListener("click", () => Notification.requestPermission().then(() => { allow.hidden = true; }));
    el.append(allow, toasts);
    const onMessage = (content) => {
      if (content.k !== "alert") return;
      if (content.toast) {
        const item = toast(toasts, content.message);
        item.addEventListener("click", () => {
          model.send({ k: "seen", alert_id: content.alert_id });
          item.remove();
        });
      }
      if (content.sound) beep();
      if (content.desktop && "Notification" in window && Notification.permission === "granted") {
        new Notification(content.name, { body: content.message });
      }
    };
    model.on("msg:custom", onMessage);
    return () => model.off("msg:custom", onMessage);
  },
};
