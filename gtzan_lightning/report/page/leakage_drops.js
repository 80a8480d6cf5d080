// Accuracy drop due to leakage: one line per configuration, its score under each split, and the drop from leaky to grouped.
"use strict";

const FIRST = 30; // lines before "show all"
const dropState = { level: "window", all: false };
const MEANINGS = { leaky: "leaky: slices drawn", grouped: "grouped: tracks drawn", artist: "artist: artists drawn", filtered: "filtered: published lists" };

const LANES = { artist: 9, leaky: 22, grouped: 22, filtered: 35 }; // y in pixels; 22 is the middle, where the label is

const shownRow = (place) => entries("configurations")[place].element.hidden === false;

function drawLeakageDrops() {
  const place = byId("leakage-drops");
  if (!place) return;
  if (state.view !== "configurations") entries("configurations").forEach((entry) => { entry.element.hidden = !fits(entry); });
  const fitting = head.leakage_drops.filter((drop) => drop.level === dropState.level && (shownRow(drop.rows.leaky) || shownRow(drop.rows.grouped)));
  const drops = dropState.all ? fitting : fitting.slice(0, FIRST);
  const cells = (drop) => Object.entries(drop.rows).map(([split, row]) => [split, head.rows[row].cells[drop.level]]);
  const low = floorOf(drops.flatMap((drop) => cells(drop).map(([, cell]) => cell[1])));
  const levels = choice("level", head.levels.map((level) => [level, level]), dropState.level, (level) => {
    dropState.level = level;
    drawLeakageDrops();
    byId("leakage-drops").querySelector('[aria-pressed="true"]').focus({ preventScroll: true });
  });
  const more = fitting.length > drops.length
    ? h("button", { type: "button", class: "more", onclick: () => { dropState.all = true; drawLeakageDrops(); } }, `Show all ${fitting.length}`)
    : null;
  place.replaceChildren(levels, legend(drops), ...drops.map((drop) => dropLine(drop, cells(drop), low)), ...(drops.length ? [axis(low, "")] : []), ...(more ? [more] : []));
}

function legend(drops) {
  const splits = Object.keys(MEANINGS).filter((split) => drops.some((drop) => split in drop.rows));
  return h("p", { class: "legend" }, splits.map((split) => h("span", {}, s("svg", { "aria-hidden": "true" }, mark(split, 8, 8)), MEANINGS[split])));
}

function dropLine(drop, cells, low) {
  const scale = scaleFrom(low);
  const [mean, from, to] = drop.drop;
  const score = Object.fromEntries(cells);
  const text = cells.map(([split, [mean, a, b, n]]) => `${split} ${fixed(mean)} ${interval(a, b)} n ${n}`).join("; ");
  const drawing = s("svg", { role: "img", "aria-label": `${drop.name}, ${drop.level} accuracy: ${text}` }, s("title", {}, text), rules(low, scale, 44),
    s("line", { class: "drop", x1: scale(score.grouped[0]), x2: scale(score.leaky[0]), y1: LANES.leaky, y2: LANES.leaky }),
    cells.map(([split, cell]) => whisker(split, scale, cell, LANES[split])),
    cells.map(([split, [mean]]) => mark(split, scale(mean), LANES[split])));
  const paired = drop.pairs ? `${drop.pairs} pairs` : "unpaired";
  return h("div", { class: "plot" }, h("span", {}, drop.name), drawing,
    h("span", { class: "value" }, h("strong", {}, signed(-mean)), ` [${signed(-to)}, ${signed(-from)}] `, h("span", { class: "meta" }, `${drop.level} \u00b7 ${paired}`)));
}
