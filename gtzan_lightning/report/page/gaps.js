// What the leak is worth: one line a configuration, its score under each split, and the fall from leaky to grouped.
"use strict";

const FIRST = 30; // lines before "show all"
const gapState = { level: "window", all: false };
const MEANINGS = { leaky: "leaky: slices drawn", grouped: "grouped: tracks drawn", artist: "artist: artists drawn", filtered: "filtered: published lists" };

const LANES = { leaky: 11, grouped: 11, artist: 25, filtered: 35 }; // y in pixels

const shownRow = (place) => entries("configurations")[place].element.hidden === false;

function drawGaps() {
  const place = byId("leakage_drops");
  if (!place) return;
  if (state.view !== "configurations") entries("configurations").forEach((entry) => { entry.element.hidden = !fits(entry); });
  const fitting = head.leakage_drops.filter((gap) => gap.level === gapState.level && (shownRow(gap.rows.leaky) || shownRow(gap.rows.grouped)));
  const leakage_drops = gapState.all ? fitting : fitting.slice(0, FIRST);
  const cells = (gap) => Object.entries(gap.rows).map(([split, row]) => [split, head.rows[row].cells[gap.level]]);
  const low = floorOf(leakage_drops.flatMap((gap) => cells(gap).map(([, cell]) => cell[1])));
  const levels = choice("level", head.levels.map((level) => [level, level]), gapState.level, (level) => {
    gapState.level = level;
    drawGaps();
    byId("leakage_drops").querySelector('[aria-pressed="true"]').focus({ preventScroll: true });
  });
  const more = fitting.length > leakage_drops.length
    ? h("button", { type: "button", class: "more", onclick: () => { gapState.all = true; drawGaps(); } }, `Show all ${fitting.length}`)
    : null;
  place.replaceChildren(levels, legend(leakage_drops), ...leakage_drops.map((gap) => gapLine(gap, cells(gap), low)), ...(leakage_drops.length ? [axis(low, "")] : []), ...(more ? [more] : []));
}

function legend(leakage_drops) {
  const splits = Object.keys(MEANINGS).filter((split) => leakage_drops.some((gap) => split in gap.rows));
  return h("p", { class: "legend" }, splits.map((split) => h("span", {}, s("svg", { "aria-hidden": "true" }, mark(split, 8, 8)), MEANINGS[split])));
}

function gapLine(gap, cells, low) {
  const scale = scaleFrom(low);
  const [fall, from, to] = gap.fall;
  const score = Object.fromEntries(cells);
  const text = cells.map(([split, [mean, a, b, n]]) => `${split} ${fixed(mean)} ${interval(a, b)} n ${n}`).join("; ");
  const drawing = s("svg", { role: "img", "aria-label": `${gap.name}, ${gap.level} accuracy: ${text}` }, s("title", {}, text), rules(low, scale, 44),
    s("line", { class: "fall", x1: scale(score.grouped[0]), x2: scale(score.leaky[0]), y1: LANES.leaky, y2: LANES.leaky }),
    cells.map(([split, cell]) => whisker(split, scale, cell, LANES[split])),
    cells.map(([split, [mean]]) => mark(split, scale(mean), LANES[split])));
  const paired = gap.pairs ? `${gap.pairs} pairs` : "unpaired";
  return h("div", { class: "plot" }, h("span", {}, gap.name), drawing,
    h("span", { class: "value" }, h("strong", {}, signed(-fall)), ` [${signed(-to)}, ${signed(-from)}] `, h("span", { class: "meta" }, `${gap.level} \u00b7 ${paired}`)));
}
