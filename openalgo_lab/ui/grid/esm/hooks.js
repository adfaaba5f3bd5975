// Handles for browser tests and the bench, on the view's root element as `__grid`.

import { actionBoxes } from "./geometry.js";

// What browser tests read: painted text, row order, and where to aim a real mouse.
export function testHooks(view) {
  return {
    cellText(id, key) {
      const position = view.positionOf(id);
      const { first, last } = view.paintedRows;
      if (position === undefined || position < first || position >= last || !view.paintedColumns.has(key)) return null;
      return view.store.cellText(view.store.byKey.get(key), view.store.at.get(id));
    },
    rowIds: () => view.store.order.map((row) => view.store.ids[row]),
    hit(id, key, action) {
      view.root.scrollIntoView({ block: "nearest" });
      view.reveal(id, key);
      const place = view.placeOf(key);
      const position = view.positionOf(id);
      if (!place || position === undefined) return null;
      const box = view.scroller.getBoundingClientRect();
      const found = action && actionBoxes(place, view.measureSmall).find((each) => each.action.key === action);
      const x = found ? place.x + found.x + found.width / 2 : place.x + place.width / 2;
      return { x: box.left + x, y: box.top + view.rowY(position) + view.rowHeight / 2 };
    },
    headerHit(key) {
      const place = view.placeOf(key);
      const box = view.scroller.getBoundingClientRect();
      const y = box.top + view.headerHeight - view.titleHeight / 2;
      return place && { x: box.left + place.x + place.width / 2, right: box.left + place.x + place.width, y };
    },
    focus: () => ({ ...view.focus }),
    selection: () => [...view.selection],
  };
}
