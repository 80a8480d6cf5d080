// The table: sorted by any column, filtered by text and by each key that varies.
"use strict";

const SELECTABLE = 40; // keys with more values have no menu and are filtered by text
const state = { view: "configurations", text: "", chosen: {}, column: null, descending: false };
const built = {}; // per view: [{item, element, words, sortable}], built once

function entries(name) {
  const view = VIEWS[name];
  built[name] ??= view.items().map((item) => {
    const texts = [...valuesOf(view.row(item)), ...view.extraValues(item)];
    const ids = item.runs ? item.runs.map((run) => run.id) : [item.id];
    return {
      item, row: view.row(item), element: buildRow(view, item),
      words: [...texts, ...ids].join(" ").toLowerCase(),
      sortable: [...texts, ...head.levels.map((level) => item.cells[level][0])],
    };
  });
  return built[name];
}

function fits(entry) {
  return state.text.toLowerCase().split(/\s+/).every((word) => entry.words.includes(word)) &&
    Object.entries(state.chosen).every(([place, value]) => value === "" || entry.row.values[place] === value);
}

function compare(a, b) {
  const [x, y] = [a.sortable[state.column], b.sortable[state.column]];
  const order = typeof x === "number" ? x - y : natural(x, y);
  return state.descending ? -order : order;
}

function drawTable() {
  const all = entries(state.view);
  const sorted = state.column === null ? all : [...all].sort(compare);
  let shown = 0;
  for (const entry of sorted) {
    entry.element.hidden = !fits(entry);
    shown += !entry.element.hidden;
  }
  const empty = shown ? [] : [h("tr", { class: "empty", role: "row" }, h("td", { role: "cell", colspan: 99 }, `No ${state.view} match the filters. Clear the text, or set the keys to "all".`))];
  const body = h("tbody", { role: "rowgroup" }, [...sorted.map((entry) => entry.element), ...empty]);
  byId("scores").replaceChildren(drawHead(), body);
  byId("count").textContent = `${count(shown)} of ${count(all.length)} ${state.view}`;
  drawLeakageDrops();
}

function drawHead() {
  const numeric = columnNames().length + VIEWS[state.view].extra.length;
  const names = [...columnNames(), ...VIEWS[state.view].extra, ...head.levels.map((level) => `${level} accuracy`)];
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, names.map((name, place) => {
    const sorted = state.column === place ? (state.descending ? "descending" : "ascending") : "none";
    return h("th", { scope: "col", role: "columnheader", "aria-sort": sorted },
      h("button", { type: "button", "data-sort": place, onclick: () => sortBy(place, place >= numeric) }, name));
  })));
}

function sortBy(place, highestFirst) {
  state.descending = state.column === place ? !state.descending : highestFirst;
  state.column = place;
  drawTable();
  byId("scores").querySelector(`[data-sort="${place}"]`).focus({ preventScroll: true });
}

function drawFilters() {
  const selects = head.columns.map(({ name }, place) => {
    const values = [...new Set(head.rows.map((row) => row.values[place]))].sort(natural);
    if (values.length > SELECTABLE) return null;
    const options = [h("option", { value: "" }, "all"), ...values.map((value) => h("option", { value }, value))];
    const select = h("select", { "data-key": name, onchange: () => { state.chosen[place] = select.value; drawTable(); } }, options);
    return h("label", {}, name, select);
  });
  const text = h("input", { type: "search", placeholder: "lstm 6 s grouped", oninput: () => { state.text = text.value.trim(); drawTable(); } });
  const wide = window.matchMedia("(min-width: 44rem)").matches;
  const keys = selects.some(Boolean) ? h("details", { class: "keys", open: wide }, h("summary", {}, "filter by key"), h("div", { class: "filters" }, selects)) : null;
  const views = Object.keys(VIEWS).map((name) => [name, name]);
  const form = byId("filters");
  form.replaceChildren(...[h("label", {}, "find", text),
    choice("rows of the table", views, state.view, (view) => { Object.assign(state, { view, column: null }); drawTable(); }), keys].filter(Boolean));
  form.addEventListener("submit", (event) => event.preventDefault());
}
