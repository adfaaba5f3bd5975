// Entry point: one store a model, any number of views.

import { Store } from "./store.js";
import { View } from "./view.js";

export default () => {
  let store = null;
  return {
    initialize({ model, signal }) {
      store = new Store(model);
      store.start(signal);
    },
    render({ el, signal }) {
      new View(store, el, signal);
    },
  };
};
