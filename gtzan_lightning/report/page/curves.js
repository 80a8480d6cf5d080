// Learning curves of a run: training and validation, with the best epoch marked.
"use strict";

const WIDTH = 300, HEIGHT = 180, LEFT = 36, RIGHT = 38, TOP = 8, BOTTOM = 24;

function curves(history, bestEpoch) {
  const kinds = ["loss", ...head.levels.map((level) => `${level}_accuracy`)];
  const drawn = kinds.filter((kind) => history[`val/${kind}`] || history[`train/${kind}`]);
  return h("div", { class: "curves" }, drawn.map((kind) => curveFigure(kind, history, bestEpoch)));
}

function curveFigure(kind, history, bestEpoch) {
  const series = ["train", "val"].filter((part) => history[`${part}/${kind}`]).map((part) => [part, history[`${part}/${kind}`]]);
  const values = series.flatMap(([, line]) => line).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const length = Math.max(...series.map(([, line]) => line.length));
  const x = (epoch) => LEFT + (WIDTH - LEFT - RIGHT) * (length > 1 ? epoch / (length - 1) : 0.5);
  const y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * ((value - low) / span);
  const name = kind.replace("_", " ");
  const label = series.map(([part, line]) => `${part} ${fixed(line[0])} to ${fixed(line.at(-1))}`).join(", ");
  const drawing = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${name} over ${length} epochs: ${label}` },
    [low, (low + high) / 2, high].map((value) => [
      s("line", { class: "rule", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
      s("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2))]),
    bestEpoch === undefined ? null : s("line", { class: "chosen", x1: x(bestEpoch - 1), x2: x(bestEpoch - 1), y1: TOP, y2: HEIGHT - BOTTOM }),
    series.map(([part, line]) => s("path", { class: `curve ${part}`, d: pathOf(line, x, y) })),
    endLabels(series, y).map(([part, at]) => s("text", { class: part, x: WIDTH - RIGHT + 5, y: at + 4 }, part)),
    s("text", { x: LEFT, y: HEIGHT - 6 }, "epoch 1"), s("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, String(length)));
  return h("figure", {}, h("figcaption", {}, name), drawing);
}

// The path of a curve, interrupted at epochs without a value.
function pathOf(line, x, y) {
  let pen = "M";
  return line.map((value, epoch) => {
    if (value === null) { pen = "M"; return ""; }
    const step = `${pen}${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
    return step;
  }).join("");
}

// Positions of the names at the ends of the curves, without overlap.
function endLabels(series, y) {
  const ends = series.map(([part, line]) => [part, y(line.findLast((value) => value !== null) ?? 0)]).sort((a, b) => a[1] - b[1]);
  if (ends.length === 2 && ends[1][1] - ends[0][1] < 14) {
    const middle = (ends[0][1] + ends[1][1]) / 2;
    [ends[0][1], ends[1][1]] = [middle - 7, middle + 7];
  }
  return ends;
}
