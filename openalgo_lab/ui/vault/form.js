// The vault's dialog: paints what Python says, sends what is typed once and forgets it. All text is set as text.

function element(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

let dialogs = 0;

function render({ model, el }) {
  const id = `oal-vault-${++dialogs}`;
  const form = element("form", "oal oal-panel oal-vault");
  form.noValidate = true;
  const title = element("h3", "oal-vault-title");
  title.id = `${id}-title`;
  form.setAttribute("aria-labelledby", title.id);
  const note = element("p", "oal-vault-note oal-muted");
  const picture = element("img", "oal-vault-picture");
  picture.alt = "QR code for an authenticator app; the seed below says the same";
  const secret = element("output", "oal-vault-secret");
  const fields = element("div", "oal-vault-fields");
  const buttons = element("div", "oal-vault-buttons");
  const message = element("p", "oal-vault-message");
  message.setAttribute("role", "status");
  form.append(title, note, picture, secret, fields, buttons, message);
  el.append(form);
  let painted = "";

  const press = (act) => {
    const values = {};
    for (const input of fields.querySelectorAll("input")) {
      values[input.name] = input.value;
      input.value = "";
    }
    for (const node of form.querySelectorAll("button, input")) node.disabled = true;
    model.send({ k: "press", act, values });
  };

  const paint = (shown) => {
    const parts = JSON.stringify([shown.title, shown.fields, shown.buttons]);
    if (parts !== painted) {
      painted = parts;
      fields.replaceChildren(...shown.fields.map((field) => {
        const label = element("label", "oal-vault-field");
        const input = element("input");
        input.type = field.kind === "password" ? "password" : "text";
        if (field.kind === "code") input.inputMode = "numeric";
        input.autocapitalize = "off";
        input.name = field.name;
        input.autocomplete = field.fill;
        input.spellcheck = false;
        input.setAttribute("aria-describedby", `${id}-message`);
        label.append(element("span", "oal-muted", field.label), input);
        return label;
      }));
      buttons.replaceChildren(...shown.buttons.map((one, at) => {
        const node = element("button", at ? "oal-button" : "oal-button oal-button-accent", one.text);
        node.type = at ? "button" : "submit";
        node.dataset.act = one.act;
        if (at) node.addEventListener("click", () => press(one.act));
        return node;
      }));
    }
    title.textContent = shown.title;
    note.textContent = shown.note;
    note.hidden = !shown.note;
    secret.textContent = shown.secret;
    secret.hidden = !shown.secret;
    picture.hidden = !shown.picture;
    if (shown.picture) picture.src = shown.picture;
    else picture.removeAttribute("src");
    message.id = `${id}-message`;
    message.textContent = shown.message;
    message.hidden = !shown.message;
    message.classList.toggle("oal-vault-bad", shown.bad);
    form.setAttribute("aria-busy", String(shown.busy));
    const held = form.contains(document.activeElement) || document.activeElement === document.body;
    for (const node of form.querySelectorAll("button, input")) node.disabled = shown.busy;
    if (!shown.busy && held) (fields.querySelector("input") ?? buttons.querySelector("button"))?.focus({ preventScroll: true });
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = buttons.querySelector("button");
    if (first && !first.disabled) press(first.dataset.act);
  });
  // Keys typed here belong to the form: the notebook must not take them as commands.
  form.addEventListener("keydown", (event) => event.stopPropagation());
  const heard = (content) => { if (content.k === "shown") paint(content.v); };
  model.on("msg:custom", heard);
  model.send({ k: "hello" });
  return () => { model.off("msg:custom", heard); form.remove(); };
}

export default { render };
