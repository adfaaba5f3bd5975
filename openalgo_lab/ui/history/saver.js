// A file from the kernel is saved by the browser: once a page, however many views the widget has.
function save({ k, name }, buffers) {
  if (k !== "file" || !buffers.length) return;
  const url = URL.createObjectURL(new Blob([buffers[0]], { type: "application/octet-stream" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
export default {
  initialize({ model }) {
    const heard = (content, buffers) => save(content, buffers);
    model.on("msg:custom", heard);
    return () => model.off("msg:custom", heard);
  },
  render({ el }) {
    el.style.display = "none";
  },
};
