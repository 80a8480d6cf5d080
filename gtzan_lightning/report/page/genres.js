// Confusion matrix and scores of each genre, at one level.
"use strict";

const DEEPEST = 0.5; // share of the accent colour in the darkest cell: its number keeps a contrast above 4.5:1
const MIN_CLUSTERS = 5; // as in evaluation/run_metrics.py

function confusionTable(names, counts, level) {
  const rowOf = (row, truth) => {
    const total = row.reduce((sum, each) => sum + each, 0);
    return h("tr", {}, h("th", { scope: "row" }, names[truth]), row.map((value, guess) => matrixCell(value, total, truth === guess)));
  };
  const total = counts.flat().reduce((sum, each) => sum + each, 0);
  return h("figure", {}, h("figcaption", {}, `Test, ${level} level, n ${count(total)}. Rows: true genre; columns: predicted genre.`),
    h("div", { class: "wide" }, h("table", { class: "matrix" },
      h("thead", {}, h("tr", {}, h("td"), names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, counts.map(rowOf)))));
}

function matrixCell(value, total, right) {
  const share = total ? value / total : 0;
  const kind = [value ? "" : "none", right ? "right" : ""].filter(Boolean).join(" ");
  return h("td", { class: kind || null, style: { "--share": percent(DEEPEST * share) } }, String(value));
}

function genreLines(names, rows, keys, cluster, level) {
  const found = names.map((name, place) => [name, Object.fromEntries(keys.map((key, at) => [key, rows[place][at]]))]);
  const known = found.filter(([, genre]) => genre.n).sort((a, b) => b[1].f1 - a[1].f1);
  const low = floorOf(known.map(([, genre]) => genre.f1_low));
  const few = known.some(([, genre]) => genre.effective_clusters < MIN_CLUSTERS);
  return h("figure", {}, h("figcaption", {}, `F1 on the test part, ${level} level, with 95 % intervals over ${cluster}s.`,
    few ? h("span", { class: "few" }, ` Marked: effective number of ${cluster}s below ${MIN_CLUSTERS}, too few for a reliable score.`) : null),
    known.map(([name, genre]) => genreLine(name, genre, low, cluster)), axis(low, "genre"));
}

function genreLine(name, genre, low, cluster) {
  const scale = scaleFrom(low);
  const cell = [genre.f1, genre.f1_low, genre.f1_high];
  const text = `${fixed(genre.f1, 2)} ${interval(genre.f1_low, genre.f1_high, 2)} n ${count(genre.n)}`;
  const weak = genre.effective_clusters < MIN_CLUSTERS;
  const clusters = `${genre.clusters} ${cluster}${genre.clusters === 1 ? "" : "s"}`;
  return h("div", { class: "plot genre" }, h("span", {}, name),
    s("svg", { role: "img", "aria-label": `${name}: F1 ${text}, ${clusters}` }, rules(low, scale, 24), whisker("grouped", scale, cell, 12), mark("grouped", scale(genre.f1), 12)),
    h("span", { class: "value" }, text, " ", h("span", { class: weak ? "meta few" : "meta" }, clusters)));
}
