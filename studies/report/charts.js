// Charts: a canvas for what there is much of, SVG above it for axes, a note beside the pointer.

const INK = "#26303a", SOFT = "#5d6873", LINE = "#dfe3e7", FADED = "#d5dae0", CHOSEN = "#d1246b";
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"]
  .map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const NEAR = 14; // pixels from a mark to the pointer
const note = element("div", { class: "note-box", role: "status", hidden: "" });
document.body.append(note);

function viridis(share) {
  const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const mixed = VIRIDIS[low].map((channel, i) => channel + (at - low) * (VIRIDIS[low + 1][i] - channel));
  return `rgb(${mixed.map(Math.round).join(",")})`;
}

// A chart that fills its place and draws itself again when that or what is looked at changes.
function chart(place, height, draw, description) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const over = drawn("svg", { role: "img", "aria-label": description });
  const holder = element("div", { class: "chart" }, canvas, over);
  place.append(holder);
  const made = { holder, canvas, over, width: 0, height, marks: [], waits: false };
  made.redraw = () => {
    if (made.waits) return;
    made.waits = true;
    requestAnimationFrame(() => {
      made.waits = false;
      prepare(made);
      draw(made);
    });
  };
  look.listeners.push(made.redraw);
  new ResizeObserver(() => {
    if (Math.abs(holder.clientWidth - made.width) > 1) made.redraw();
  }).observe(holder);
  return made;
}

function prepare(made) {
  const ratio = Math.max(window.devicePixelRatio || 1, 2); // sharp on paper too
  made.width = made.holder.clientWidth;
  made.canvas.width = made.width * ratio;
  made.canvas.height = made.height * ratio;
  made.canvas.style.width = `${made.width}px`;
  made.canvas.style.height = `${made.height}px`;
  made.over.setAttribute("width", made.width);
  made.over.setAttribute("height", made.height);
  made.over.replaceChildren();
  made.marks = [];
  made.pen = made.canvas.getContext("2d");
  made.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  made.pen.clearRect(0, 0, made.width, made.height);
}

// Round numbers between two ends.
function ticks(low, high, count) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const raw = span / count, unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= raw * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const found = [];
  for (let n = first; n * step <= high + 1e-9 * span; n++) found.push(n * step);
  return found;
}

// Ends of the numbers given, a little apart so that marks do not lie on the axes.
function ends(values, margin = 0.04) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const room = high > low ? (high - low) * margin : Math.abs(low) * 0.1 || 1;
  return [low - room, high + room];
}

function scale([low, high], from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

// Ticks of an axis as [place, text]: the texts of a column, its few levels, or round numbers.
function tickWords(column, [low, high], count) {
  const ranks = ranksOf(column);
  if (ranks) return [...ranks].map(([text, rank]) => [rank, clipped(text, 14)]);
  const levels = [...new Set(data.values[column])].filter((value) => value !== null);
  if (data.columns[column].parameter && levels.length <= count) return levels.map((v) => [v, short(v)]);
  return ticks(low, high, count).map((value) => [value, short(value)]);
}

function clipped(text, letters) {
  return text.length > letters ? `${text.slice(0, letters - 1)}…` : text;
}

// Axes of a rectangle {left, right, top, bottom}, with names and ticks of two columns.
function axes(made, box, x, y) {
  const across = Math.max(2, Math.floor((box.right - box.left) / 70));
  for (const [value, text] of y.ticks || tickWords(y.column, y.ends, 5)) {
    const at = y.at(value);
    made.over.append(
      drawn("line", { x1: box.left, x2: y.bare ? box.left : box.right, y1: at, y2: at, stroke: LINE }),
      drawn("text", { x: box.left - 6, y: at + 3.5, "text-anchor": "end" }, text));
  }
  const below = x.ticks || tickWords(x.column, x.ends, across);
  const every = Math.ceil(below.length / Math.max(across * 1.6, 1)); // texts beside each other
  below.forEach(([value, text], i) => {
    const at = x.at(value);
    made.over.append(drawn("line", { x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4, stroke: SOFT }));
    if (i % every === 0) {
      made.over.append(drawn("text", { x: at, y: box.bottom + 16, "text-anchor": "middle" }, text));
    }
  });
  made.over.append(
    drawn("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, stroke: SOFT }),
    drawn("text", { x: (box.left + box.right) / 2, y: box.bottom + 34, "text-anchor": "middle", class: "name" },
      clipped(label(x.column), Math.max(18, (box.right - box.left) / 6.5))),
    drawn("text", { x: 2, y: box.top - 9, class: "name" }, clipped(label(y.column), Math.max(18, made.width / 6.5))));
}

// A case as a mark: a disc where all is well, a cross where not.
function mark(pen, row, x, y, size, colour) {
  pen.beginPath();
  if (statusOf(row).counted) {
    pen.arc(x, y, size, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
    return;
  }
  pen.moveTo(x - size, y - size);
  pen.lineTo(x + size, y + size);
  pen.moveTo(x - size, y + size);
  pen.lineTo(x + size, y - size);
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  pen.stroke();
}

function ring(made, x, y, size) {
  made.over.append(drawn("circle", { cx: x, cy: y, r: size, fill: "none", stroke: CHOSEN, "stroke-width": 2.5 }));
}

// Notes and clicks for the marks of a chart, each {x, y, row or lines}.
function pointed(made, columns) {
  const nearest = (event) => {
    const box = made.holder.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    let best = null, least = NEAR * NEAR;
    for (const one of made.marks) {
      const away = (one.x - x) ** 2 + (one.y - y) ** 2;
      if (away < least) [best, least] = [one, away];
    }
    return best;
  };
  made.holder.addEventListener("pointermove", (event) => {
    const found = nearest(event);
    made.holder.style.cursor = found && found.row !== undefined ? "pointer" : "";
    if (found) tell(event, found.lines || caseLines(found.row, columns()));
    else note.hidden = true;
  });
  made.holder.addEventListener("pointerleave", () => { note.hidden = true; });
  made.holder.addEventListener("click", (event) => {
    const found = nearest(event);
    if (found && found.row !== undefined) choose(found.row);
  });
}

// What a note says of a case: status, parameters, and the columns of its chart.
function caseLines(row, columns) {
  const shown = [...new Set([...PARAMETERS.slice(0, 8), ...columns])];
  const status = statusOf(row);
  return [
    [`Case ${row + 1}`, status.name],
    ...(reasonOf(row) ? [["", clipped(reasonOf(row), 140)]] : []),
    ...shown.map((column) => [data.columns[column].title, withUnit(column, row)]),
  ];
}

function tell(event, lines) {
  note.replaceChildren(...lines.map(([name, text]) =>
    element("div", {}, ...(name ? [element("b", {}, name), " "] : []), text)));
  note.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = note;
  const left = event.clientX + 14 + width > window.innerWidth ? event.clientX - width - 14 : event.clientX + 14;
  note.style.left = `${Math.max(left, 4)}px`;
  note.style.top = `${Math.min(event.clientY + 12, window.innerHeight - height - 4)}px`;
}
