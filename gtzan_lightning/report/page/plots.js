// Points with intervals on an axis from `low` to 1. x positions are percentages, so that charts fit any width.
"use strict";

const SHAPES = {
  leaky: () => s("circle", { r: 5.5 }),
  grouped: () => s("rect", { x: -5, y: -5, width: 10, height: 10 }),
  artist: () => s("path", { d: "M0-6.5L6.5 0L0 6.5L-6.5 0Z" }),
  filtered: () => s("path", { d: "M0-6L6 5H-6Z" }),
};

const scaleFrom = (low) => (value) => percent((value - low) / (1 - low));
const floorOf = (values) => Math.max(0, Math.floor(10 * Math.min(...values) - 0.01) / 10);

function mark(kind, x, y) {
  return s("svg", { x, y, width: 1, height: 1, overflow: "visible", class: kind }, SHAPES[kind]());
}

function whisker(kind, scale, [, low, high], y) {
  return s("line", { class: `whisker ${kind}`, x1: scale(low), x2: scale(high), y1: y, y2: y });
}

function ticks(low) {
  const step = 1 - low > 0.5 ? 0.2 : 0.1;
  const found = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value < 1.001; value += step) found.push(value);
  return found;
}

function rules(low, scale, height) {
  return ticks(low).map((value) => s("line", { class: "rule", x1: scale(value), x2: scale(value), y1: 0, y2: height }));
}

function axis(low, kind) {
  const scale = scaleFrom(low);
  const names = ticks(low).map((value) => s("text", { x: scale(value), y: 13, "text-anchor": "middle" }, value.toFixed(1)));
  return h("div", { class: `plot axis ${kind}`, "aria-hidden": "true" }, h("span"), s("svg", {}, names), h("span"));
}
