// One row of the table, by configuration or by run.
"use strict";

const head = dataOf("head-data");
head.rows.forEach((row) => { row.runs = []; });
head.runs.forEach((run) => head.rows[run.row].runs.push(run));
const shortWarning = (text) => text.split(":")[0].toLowerCase();

function badges(row) {
  return row.leakage_warnings.map((place) => head.leakage_warnings[place][0]).map((warning) =>
    h("span", { class: "badge warning", title: warning }, shortWarning(warning)));
}

// A cell of an accuracy: [mean, low, high, n, what the interval is over, standard deviation].
function scoreCell(level, [mean, low, high, n, over, sd], best) {
  const about = [level, `n ${count(n)}`, over, sd === null ? null : `sd ${fixed(sd)}`].filter(Boolean).map((text) => text.replaceAll(" ", "\u00a0")).join(" \u00b7 ");
  return h("td", { class: "score", role: "cell" },
    h("strong", {}, fixed(mean)), " ", h("span", { class: "whole" }, interval(low, high)), " ", best ? h("span", { class: "badge best" }, "best") : null,
    h("span", { class: "meta" }, about),
    h("span", { class: "bar", "aria-hidden": "true" },
      h("i", { style: { left: percent(low), width: percent(high - low) } }), h("b", { style: { left: percent(mean) } })));
}

function plainCell(name, text) {
  return h("td", { class: text === "-" ? "plain unset" : "plain", "data-name": name, role: "cell" }, text);
}

function opener(label, run) {
  return h("button", { type: "button", class: "open", "data-run": run.id, title: `Open ${run.id}`, onclick: () => show(run.id) }, label);
}

const repetitionName = (run) => Object.entries(run.repetition)
  .filter(([, value]) => value !== null).map(([name, value]) => `${name} ${value}`).join(" \u00b7 ");

// The columns of a view in front of the scores: their names, and each item's values.
const VIEWS = {
  configurations: {
    items: () => head.rows,
    row: (item) => item,
    run: (item) => item.runs[0],
    extra: ["runs"],
    extraValues: (item) => [String(item.runs.length)],
  },
  runs: {
    items: () => head.runs,
    row: (item) => head.rows[item.row],
    run: (item) => item,
    extra: ["repetition"],
    extraValues: (item) => [repetitionName(item)],
  },
};

// The columns in front of the scores. Of many, the minor ones share one, so that the scores stay visible.
const WIDEST = 6;
const COLUMNS = (() => {
  const all = head.columns.map(({ name, minor }, place) => ({ name, minor, value: (row) => row.values[place] }));
  if (all.length <= WIDEST) return all.length ? all : [{ name: "configuration", value: () => "all" }];
  const settings = (row) => head.columns.map(({ name, minor }, place) => (minor && row.values[place] !== "-" ? `${name}\u00a0${row.values[place]}` : ""));
  return [...all.filter((column) => !column.minor), { name: "settings", value: (row) => settings(row).filter(Boolean).join(", ") || "-" }];
})();
const columnNames = () => COLUMNS.map((column) => column.name);
const valuesOf = (row) => COLUMNS.map((column) => column.value(row));

function buildRow(view, item) {
  const row = view.row(item);
  const [first, ...others] = valuesOf(row);
  const [, ...names] = columnNames();
  const open = (event) => { if (!event.target.closest("button") && !String(getSelection())) show(view.run(item).id); };
  return h("tr", { class: item.leakage_warnings.length ? "warned" : null, role: "row", onclick: open },
    h("th", { scope: "row", role: "rowheader" }, opener(first, view.run(item)), " ", badges(item)),
    others.map((value, place) => plainCell(names[place], value)),
    view.extraValues(item).map((value, place) => plainCell(view.extra[place], value)),
    head.levels.map((level) => scoreCell(level, item.cells[level], (item.best || []).includes(level))));
}
