// Asks the kernel for a file and saves it. Texts from outside are set as text.
export default {
  render({ model, el }) {
    el.classList.add("oal-save");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "oal-save-button";
    button.textContent = model.get("_label");
    button.title = model.get("_name");
    button.setAttribute("aria-label", model.get("_name"));
    const note = document.createElement("span");
    note.className = "oal-save-note";
    note.setAttribute("role", "alert");
    button.addEventListener("click", () => {
      note.textContent = "";
      model.send({ k: "ask" });
    });
    const onMessage = (content) => {
      if (content.k === "failed") note.textContent = content.message;
      if (content.k !== "file") return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([content.text], { type: "text/csv" }));
      link.download = content.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };
    model.on("msg:custom", onMessage);
    el.append(button, note);
    return () => model.off("msg:custom", onMessage);
  },
};
