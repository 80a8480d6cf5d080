// The panel of one run: scores at every level, learning curves, confusion matrix, genres, and the run card.
"use strict";

let details = null; // parsed when the first run is opened
const LEVEL_NAMES = { window: "window", clip: "clip, mean probability", clip_vote: "clip, majority vote" };
const CARD_NAMES = { data: "Data", features: "Features", split: "Split", model: "Model", training: "Training", audit: "Audit",
  calibration: "Calibration", versions: "Versions", git: "Commit" };

function runPanel(run) {
  details ??= dataOf("details-data");
  const detail = details.runs[head.runs.indexOf(run)];
  const row = head.rows[run.row];
  const card = Object.fromEntries(Object.entries(detail.card).map(([key, place]) => [key, details.pool[place]]));
  const cluster = testScores(detail).cluster || "track";
  return [
    h("div", { class: "top" },
      h("div", {}, h("p", { class: "over" }, valuesOf(row).filter((value) => value !== "-").join(" \u00b7 ")), h("h2", { id: "run-title" }, run.id)),
      h("button", { type: "button", class: "close", onclick: () => byId("run").close() }, "Close")),
    ...run.leakage_warnings.map((place) => h("p", { class: "banner" }, h("strong", {}, head.leakage_warnings[place][0]))),
    repetitions(row, run),
    card.overrides && card.overrides.length ? h("p", {}, h("code", {}, card.overrides.join(" "))) : null,
    scoreTable(detail),
    ...detail.evaluations.flatMap((each) => each.lines.map((line) => h("p", { class: "note" }, `${each.corpus}: ${line}`))),
    ...testScores(detail).warnings.map((warning) => h("p", { class: "note few" }, warning)),
    Object.keys(detail.history).length ? h("h3", {}, "Learning curves") : null,
    curves(detail.history, card.training?.best_epoch),
    detail.problem ? h("p", { class: "banner" }, detail.problem) : genreSection(detail, cluster),
    h("h3", {}, "Run card"), ...cardSections(card),
  ].filter(Boolean);
}

function repetitions(row, current) {
  if (row.runs.length < 2) return null;
  return h("ul", { class: "repetitions", "aria-label": "repetitions of this configuration" }, row.runs.map((run) =>
    h("li", {}, h("a", { href: hashOf(run.id), "aria-current": run === current ? "true" : null }, repetitionName(run)))));
}

function scoresOf(detail, part, level) {
  return named(details.pool[detail.scores[part][level]]);
}

function named(values) {
  return Object.fromEntries(details.score_keys.map((key, place) => [key, values[place]]));
}

function testScores(detail) {
  const scores = scoresOf(detail, "test", head.levels[0]);
  return { ...scores, warnings: scores.warnings || [] };
}

function scoreTable(detail) {
  const rows = ["test", "val"].filter((part) => detail.scores[part]).flatMap((part) => Object.keys(detail.scores[part]).map((level) => [part, level, scoresOf(detail, part, level)]));
  for (const each of detail.evaluations) rows.push(...Object.keys(each.scores).map((level) => [each.corpus, level, named(each.scores[level])]));
  const heads = ["part, level", "accuracy [95 %]", "F1 [95 %]", "precision", "recall", "n"];
  const cell = (place, ...content) => h("td", { class: "plain", role: "cell", "data-name": heads[place] }, ...content);
  return h("div", { class: "wide" }, h("table", { class: "stack", role: "table" },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((name) => h("th", { scope: "col", role: "columnheader" }, name)))),
    h("tbody", { role: "rowgroup" }, rows.map(([part, level, each]) => h("tr", { role: "row" },
      h("th", { scope: "row", role: "rowheader" }, `${part}, ${LEVEL_NAMES[level] || level}`),
      cell(1, h("strong", {}, fixed(each.accuracy)), " ", h("span", { class: "whole" }, interval(...each.accuracy_ci95))),
      cell(2, `${fixed(each.f1)} `, each.f1_ci95 ? h("span", { class: "whole" }, interval(...each.f1_ci95)) : null),
      cell(3, fixed(each.precision)), cell(4, fixed(each.recall)),
      cell(5, `${each.n_clusters ? `${count(each.n_clusters)} ${each.cluster}s, ` : ""}${count(each.n)} ${level === "window" ? "windows" : "clips"}`))))));
}

function genreSection(detail, cluster) {
  const names = details.pool[detail.names];
  const place = h("div");
  const draw = (level) => place.replaceChildren(confusionTable(names, detail.confusion[level], level),
    ...(detail.genres[level].length ? [genreLines(names, detail.genres[level], details.genre_keys, cluster, level)] : []));
  draw(head.levels[0]);
  return h("div", {}, h("h3", {}, "By genre"), choice("level", head.levels.map((level) => [level, level]), head.levels[0], draw), place);
}

function cardSections(card) {
  const groups = Object.entries(card).filter(([, value]) => value !== null && typeof value === "object" && !Array.isArray(value));
  const plain = Object.fromEntries(Object.entries(card).filter(([key]) => !groups.some(([group]) => group === key)));
  return [["Run", plain], ...groups].map(([key, value]) => h("details", {}, h("summary", {}, CARD_NAMES[key] || key), listed(value)));
}

function listed(value) {
  if (value === null || typeof value !== "object") return String(value ?? "-");
  if (Array.isArray(value) && value.every((each) => each === null || typeof each !== "object")) return value.join(", ") || "-";
  if (Array.isArray(value)) return h("ul", { class: "items" }, value.map((each) => h("li", {}, listed(each))));
  return h("dl", {}, Object.entries(value).flatMap(([key, each]) => [h("dt", {}, key.replaceAll("_", " ")), h("dd", {}, listed(each))]));
}
