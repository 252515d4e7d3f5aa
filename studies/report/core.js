// Core: the data of the page, words for its numbers, elements, and which cases are looked at.

const data = JSON.parse(document.getElementById("data").textContent);
const CASES = data.status.length;
const PARAMETERS = data.columns.flatMap((column, i) => (column.parameter ? [i] : []));
const QUANTITIES = data.columns.flatMap((column, i) => (column.parameter ? [] : [i]));
const VARYING = QUANTITIES.filter((i) => data.columns[i].varies);
// quantities in menus: those that people look for, then the others that vary
const MENU = [...data.headline, ...VARYING.filter((i) => !data.headline.includes(i))];
const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

const look = {
  passing: new Array(CASES).fill(true), // by brushes, text and status
  chosen: null, // the case that was clicked
  tests: new Map(), // by name: a function of a case
  listeners: [],
  waits: false,
};

// Tell all parts of the page, once before it is drawn again however often something changed.
function told() {
  if (look.waits) return;
  look.waits = true;
  requestAnimationFrame(() => {
    look.waits = false;
    look.listeners.forEach((listener) => listener());
  });
}

// Replace one of the tests that cases have to pass; null removes it.
function test(name, passes) {
  if (passes) look.tests.set(name, passes);
  else look.tests.delete(name);
  const tests = [...look.tests.values()];
  look.passing = look.passing.map((_, row) => tests.every((one) => one(row)));
  told();
}

function choose(row) {
  look.chosen = look.chosen === row ? null : row;
  told();
}

function label(column) {
  const { title, unit } = data.columns[column];
  return unit ? `${title} [${unit}]` : title;
}

function statusOf(row) {
  return data.statuses[data.status[row]];
}

function reasonOf(row) {
  return data.reasons[data.reason[row]];
}

function valueOf(column, row) {
  return data.values[column][row];
}

function errorOf(column, row) {
  const errors = data.errors[column];
  return errors.length ? errors[row] : null;
}

function isNumber(value) {
  return typeof value === "number";
}

// Decimal places that leave so many significant digits.
function places(number, digits) {
  return number === 0 ? 0 : digits - 1 - Math.floor(Math.log10(Math.abs(number)));
}

function power(exponent) {
  const digits = [...String(exponent)].map((digit) => SUPERSCRIPTS[digit]).join("");
  return exponent ? ` × 10${digits}` : "";
}

// A number with the digits that its error allows, as in the rest of the page.
function rounded(value, error) {
  const known = error !== null && error >= 1e-9 * Math.abs(value) && error > 0;
  let decimals = known ? places(error, 2) : places(value, 4);
  if (known && value) decimals = Math.min(decimals, places(value, 6));
  const least = known ? Math.max(error, 10 ** -decimals) : 0;
  const largest = Math.max(Math.abs(value), least);
  const magnitude = largest ? Math.floor(Math.log10(largest)) : 0;
  const exponent = magnitude < -3 || magnitude > 4 || decimals < 0 ? magnitude : 0;
  const fixed = (number) => (number / 10 ** exponent).toFixed(Math.max(decimals + exponent, 0));
  const both = known ? `${fixed(value)} ± ${fixed(least)}` : fixed(value);
  if (!exponent) return both;
  return known ? `(${both})${power(exponent)}` : both + power(exponent);
}

// A value of a case in words; empty if there is none.
function words(column, row) {
  const value = valueOf(column, row);
  if (value === null) return "";
  if (!isNumber(value)) return value;
  return data.columns[column].parameter ? short(value) : rounded(value, errorOf(column, row));
}

function withUnit(column, row) {
  const text = words(column, row);
  const { unit } = data.columns[column];
  return text ? `${text}${unit ? ` ${unit}` : ""}` : "no number";
}

// A number without needless digits.
function short(value) {
  const [mantissa, exponent] = String(Number(value.toPrecision(5))).split("e");
  return exponent ? mantissa + power(Number(exponent)) : mantissa;
}

// Ranks of the texts of a column, or null for a column of numbers.
function ranksOf(column) {
  if (data.columns[column].number) return null;
  const found = data.values[column].filter((value) => value !== null);
  return new Map([...new Set(found)].map((text, rank) => [text, rank]));
}

// Where a case lies along a column: its number, the rank of its text, or null.
function placesOf(column) {
  const ranks = ranksOf(column);
  return data.values[column].map((value) => (value === null ? null : ranks ? ranks.get(value) : value));
}

function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// Text stays text: nothing of the data is ever read as HTML.
function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A labelled menu; options are [value, text] pairs.
function menu(title, options, value, onchange) {
  const select = element("select", {}, ...options.map(([v, text]) => element("option", { value: v }, text)));
  select.value = value;
  select.addEventListener("change", () => onchange(select.value));
  return element("label", {}, element("span", {}, title), select);
}

function columnMenu(title, columns, value, onchange) {
  const options = columns.map((column) => [column, label(column)]);
  return menu(title, options, value, (text) => onchange(Number(text)));
}

// Boxes to tick, folded away until wanted.
function checks(title, columns, ticked, onchange) {
  const boxes = columns.map((column) => {
    const box = element("input", { type: "checkbox", value: column });
    box.checked = ticked.includes(column);
    box.addEventListener("change", () => onchange(columns.filter((_, i) => boxes[i].firstChild.checked)));
    return element("label", {}, box, label(column));
  });
  return element("details", { class: "checks" }, element("summary", {}, title), element("div", {}, ...boxes));
}
