// Planes: cases over two columns in the colour of a third; response surfaces and Pareto fronts.

const BY_STATUS = -1; // the colour of the status instead of a column
const MOST_CELLS = 1600;
const GOALS = [["none", "no goal"], ["low", "smaller is better"], ["high", "larger is better"]];

// A quantity over two parameters: cells where every combination was asked for, else the cases.
function surface(place) {
  const able = PARAMETERS.filter((column) => data.columns[column].number && data.columns[column].varies);
  if (able.length < 2 || !MENU.length) return;
  const now = { x: able[0], y: able[1], colour: MENU[0] };
  const told = element("p", { class: "soft" });
  const made = chart(place, 380, draw, "Response surface; the menus choose parameters and quantity");
  const set = (name) => (column) => {
    now[name] = column;
    made.redraw();
  };
  place.prepend(element("div", { class: "controls" },
    columnMenu("Across", able, now.x, set("x")),
    columnMenu("Up", able, now.y, set("y")),
    columnMenu("Colour", MENU, now.colour, set("colour"))));
  place.append(told);
  pointed(made, () => [now.colour]);

  function draw() {
    const cells = cellsOf(now);
    const box = { left: 70, right: made.width - 110, top: 34, bottom: made.height - 46 };
    if (cells) {
      drawCells(made, box, now, cells);
      const over = PARAMETERS.filter((column) => data.columns[column].varies && column !== now.x && column !== now.y);
      told.textContent = over.length
        ? `Each cell is the mean over ${over.map((column) => data.columns[column].title).join(", ")}.`
        : "Each cell is one case, or the mean of those that agree in both.";
    } else {
      drawCases(made, box, now);
      told.textContent = "Cases as they are: nothing is interpolated between them.";
    }
  }
}

// Means over all combinations of two parameters, or null if some combination was not asked for.
function cellsOf({ x, y, colour }) {
  const xs = levelsOf(x), ys = levelsOf(y);
  if (x === y || xs.length * ys.length > MOST_CELLS) return null;
  const found = new Map();
  for (let row = 0; row < CASES; row++) {
    const key = `${valueOf(x, row)} ${valueOf(y, row)}`;
    if (!found.has(key)) found.set(key, { x: valueOf(x, row), y: valueOf(y, row), rows: [], values: [] });
    const cell = found.get(key), value = valueOf(colour, row);
    cell.rows.push(row);
    if (value !== null && statusOf(row).counted) cell.values.push(value);
  }
  if (found.size < xs.length * ys.length) return null;
  const cells = [...found.values()];
  for (const cell of cells) {
    const { values } = cell;
    cell.mean = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
  }
  return { xs, ys, cells };
}

function levelsOf(column) {
  return [...new Set(data.values[column])].filter((value) => value !== null).sort((a, b) => a - b);
}

function drawCells(made, box, now, { xs, ys, cells }) {
  const x = { column: now.x, ends: [-0.5, xs.length - 0.5], ticks: xs.map((value, i) => [i, short(value)]) };
  const y = { column: now.y, ends: [-0.5, ys.length - 0.5], ticks: ys.map((value, i) => [i, short(value)]), bare: true };
  x.at = scale(x.ends, box.left, box.right);
  y.at = scale(y.ends, box.bottom, box.top);
  axes(made, box, x, y);
  const range = ends(cells.map((cell) => cell.mean), 0);
  const wide = (box.right - box.left) / xs.length, tall = (box.bottom - box.top) / ys.length;
  for (const cell of cells) {
    const cx = x.at(xs.indexOf(cell.x)), cy = y.at(ys.indexOf(cell.y));
    const passing = cell.rows.some((row) => look.passing[row]);
    const share = cell.mean === null ? null : (cell.mean - range[0]) / (range[1] - range[0]);
    made.pen.globalAlpha = passing ? 1 : 0.25;
    made.pen.fillStyle = share === null ? "#eef0f2" : viridis(share);
    made.pen.fillRect(cx - wide / 2 + 0.5, cy - tall / 2 + 0.5, wide - 1, tall - 1);
    const one = cell.rows.length === 1 && wide > 100;
    const text = cell.mean === null ? "no number" : one ? words(now.colour, cell.rows[0]) : rounded(cell.mean, null);
    if (wide > 58 && tall > 16) {
      const fill = share === null ? SOFT : share > 0.62 ? INK : "#fff";
      made.over.append(drawn("text", { x: cx, y: cy + 4, "text-anchor": "middle", style: `fill: ${fill}` }, text));
    }
    if (cell.rows.includes(look.chosen)) {
      made.over.append(drawn("rect", { x: cx - wide / 2 + 1, y: cy - tall / 2 + 1, width: wide - 2, height: tall - 2, fill: "none", stroke: CHOSEN, "stroke-width": 3 }));
    }
  }
  made.pen.globalAlpha = 1;
  cellMarks(made, now, cells, (cell) => [x.at(xs.indexOf(cell.x)), y.at(ys.indexOf(cell.y))], [wide, tall]);
  colourBar(made, box, now.colour, range);
}

// Pointers find a cell by its middle and by points around it.
function cellMarks(made, now, cells, middle, [wide, tall]) {
  const { unit } = data.columns[now.colour];
  for (const cell of cells) {
    const [cx, cy] = middle(cell);
    const lines = [
      [data.columns[now.x].title, short(cell.x)],
      [data.columns[now.y].title, short(cell.y)],
      [data.columns[now.colour].title, cell.mean === null ? "no number" : `${rounded(cell.mean, null)}${unit ? ` ${unit}` : ""}`],
      ["cases", `${cell.values.length} of ${cell.rows.length} have a number`],
    ];
    const row = cell.rows.length === 1 ? cell.rows[0] : undefined;
    const few = 18; // pixels between those points
    for (let dx = -wide / 2 + 4; dx < wide / 2; dx += few) {
      for (let dy = -tall / 2 + 4; dy < tall / 2; dy += few) made.marks.push({ x: cx + dx, y: cy + dy, row, lines });
    }
    made.marks.push({ x: cx, y: cy, row, lines });
  }
}

function drawCases(made, box, now, front = null) {
  const across = placesOf(now.x), up = placesOf(now.y);
  const byStatus = now.colour === BY_STATUS;
  const colours = byStatus ? [] : placesOf(now.colour);
  const drawnAt = (places) => ends(places.filter((_, row) => across[row] !== null && up[row] !== null));
  const x = { column: now.x, ends: drawnAt(across) }, y = { column: now.y, ends: drawnAt(up) };
  x.at = scale(x.ends, box.left, box.right);
  y.at = scale(y.ends, box.bottom, box.top);
  axes(made, box, x, y);
  const range = ends(colours, 0);
  const order = [...Array(CASES).keys()].sort((a, b) => look.passing[a] - look.passing[b]);
  made.pen.globalAlpha = CASES > 1500 ? 0.6 : 0.9;
  for (const row of order) {
    if (across[row] === null || up[row] === null) continue;
    const at = { x: x.at(across[row]), y: y.at(up[row]), row };
    const known = byStatus || (colours[row] !== null && colours[row] !== undefined);
    const colour = !look.passing[row] || !known ? FADED
      : byStatus ? statusOf(row).colour : viridis((colours[row] - range[0]) / (range[1] - range[0]));
    mark(made.pen, row, at.x, at.y, CASES > 1500 ? 2.4 : 4.5, colour);
    made.marks.push(at);
    if (row === look.chosen) ring(made, at.x, at.y, 8);
  }
  made.pen.globalAlpha = 1;
  if (front) stairs(made, front.map((row) => [x.at(across[row]), y.at(up[row])]));
  if (!byStatus) colourBar(made, box, now.colour, range);
}

function colourBar(made, box, column, range) {
  const left = box.right + 22, steps = 48, tall = (box.bottom - box.top) / steps;
  for (let i = 0; i < steps; i++) {
    made.pen.fillStyle = viridis((i + 0.5) / steps);
    made.pen.fillRect(left, box.bottom - (i + 1) * tall, 12, tall + 0.5);
  }
  const at = scale(range, box.bottom, box.top);
  for (const [value, text] of tickWords(column, range, 5)) {
    made.over.append(drawn("text", { x: left + 18, y: at(value) + 3.5 }, text));
  }
  made.over.append(drawn("text", { x: made.width - 2, y: box.top - 20, "text-anchor": "end", class: "name" }, clipped(label(column), Math.max(18, made.width / 13))));
}

// Any two columns against each other; with two goals also the cases that no other one beats.
function scatter(place) {
  const all = [...PARAMETERS.filter((column) => data.columns[column].varies), ...MENU];
  if (all.length < 2) return;
  const now = { x: MENU.length > 1 ? MENU[0] : all[0], y: MENU[1] ?? MENU[0] ?? all[1], colour: BY_STATUS };
  const goals = { x: "none", y: "none" };
  const told = element("p", { class: "soft", "aria-live": "polite" });
  const made = chart(place, 420, draw, "Cases over two columns; the menus choose which");
  const set = (name) => (column) => {
    now[name] = column;
    made.redraw();
  };
  const goal = (name, title) => menu(title, GOALS, "none", (value) => {
    goals[name] = value;
    made.redraw();
  });
  const colours = [[BY_STATUS, "status"], ...all.map((column) => [column, label(column)])];
  place.prepend(element("div", { class: "controls" },
    columnMenu("Across", all, now.x, set("x")), goal("x", "Goal across"),
    columnMenu("Up", all, now.y, set("y")), goal("y", "Goal up"),
    menu("Colour", colours, BY_STATUS, (value) => set("colour")(Number(value)))));
  place.append(told);
  pointed(made, () => [now.x, now.y, ...(now.colour === BY_STATUS ? [] : [now.colour])]);

  function draw() {
    const right = made.width - (now.colour === BY_STATUS ? 20 : 110);
    const box = { left: 70, right, top: 34, bottom: made.height - 46 };
    const wanted = goals.x !== "none" && goals.y !== "none";
    const across = placesOf(now.x), up = placesOf(now.y);
    const front = wanted ? paretoFront(across, up, goals) : null;
    drawCases(made, box, now, front);
    const missing = across.filter((value, row) => value === null || up[row] === null).length;
    const unseen = missing ? `${missing} of ${CASES} cases have no number for one of both and are not shown. ` : "";
    told.textContent = unseen + (front
      ? `Pareto front: ${front.length === 1 ? "case" : "cases"} ${front.slice(0, 40).map((row) => row + 1).join(", ")}${front.length > 40 ? " …" : ""}. No other case is at least as good in both and better in one.`
      : "Choose a goal for both axes to see the Pareto front.");
  }
}

// Cases that no other one beats, ordered along the first column; equal ones all count.
function paretoFront(xs, ys, goals) {
  const better = { low: 1, high: -1 };
  const found = [];
  for (let row = 0; row < CASES; row++) {
    if (!statusOf(row).counted || xs[row] === null || ys[row] === null || !look.passing[row]) continue;
    found.push({ row, a: xs[row] * better[goals.x], b: ys[row] * better[goals.y] });
  }
  found.sort((one, other) => one.a - other.a || one.b - other.b);
  const front = [];
  for (const one of found) {
    const last = front.at(-1);
    if (!last || one.b < last.b || (one.b === last.b && one.a === last.a)) front.push(one);
  }
  return front.map((one) => one.row);
}

function stairs(made, points) {
  const path = points.map(([x, y], i) => `${i ? "L" : "M"}${x},${y}`).join("");
  made.over.append(drawn("path", { d: path, fill: "none", stroke: INK, "stroke-width": 1.5, "stroke-dasharray": "5 3" }));
  for (const [x, y] of points) made.over.append(drawn("circle", { cx: x, cy: y, r: 7, fill: "none", stroke: INK, "stroke-width": 1.5 }));
}
