// DOM elements from data. Every text becomes a text node, so that no name in a report is parsed as markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const dataOf = (id) => JSON.parse(byId(id).textContent);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

const fixed = (value, digits = 3) => (value === null || value === undefined ? "-" : value.toFixed(digits));
const signed = (value) => (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(3);
const count = (value) => value.toLocaleString("en");
const percent = (share) => `${+(100 * share).toFixed(2)}%`;
const interval = (low, high, digits = 3) => `[${fixed(low, digits)}, ${fixed(high, digits)}]`;

// Buttons of which one is pressed; `chosen` is called with its name.
function choice(label, names, current, chosen) {
  const buttons = names.map(([name, text]) =>
    h("button", { type: "button", "aria-pressed": String(name === current), onclick: () => press(name) }, text));
  const press = (name) => {
    names.forEach(([each], place) => buttons[place].setAttribute("aria-pressed", String(each === name)));
    chosen(name);
  };
  return h("span", { class: "choice", role: "group", "aria-label": label }, buttons);
}

// Natural order of texts with numbers: 3 s, 6 s, 30 s.
const natural = new Intl.Collator("en", { numeric: true }).compare;
