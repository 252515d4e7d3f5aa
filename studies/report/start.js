// Start: what stands on the page without scripts makes room for what needs them.

function pictures(place) {
  const all = [...place.querySelectorAll("figure[data-case]")];
  for (const one of all) {
    const row = Number(one.dataset.case);
    one.classList.add("clickable");
    one.querySelector("button").addEventListener("click", () => choose(row));
  }
  look.listeners.push(() => all.forEach((one) => {
    const isChosen = Number(one.dataset.case) === look.chosen;
    one.classList.toggle("chosen", isChosen);
    one.querySelector("button").setAttribute("aria-pressed", String(isChosen));
  }));
}

function selection(place) {
  const text = element("span", { role: "status" });
  const button = element("button", { type: "button" }, "show all");
  button.addEventListener("click", () => document.dispatchEvent(new Event("clear-selection")));
  place.append(text, button);
  look.listeners.push(() => {
    const count = look.passing.filter(Boolean).length;
    const chosen = look.chosen === null ? "" : `Case ${look.chosen + 1} is highlighted. `;
    const some = count === CASES ? "" : `${count} of ${CASES} cases are selected.`;
    text.textContent = `${chosen}${some} `;
    place.hidden = !(chosen || some);
  });
}

const PARTS = { effects, parallel, surface, scatter, table };
for (const [name, begin] of Object.entries(PARTS)) {
  const live = document.getElementById(`live-${name}`);
  if (!live) continue;
  live.hidden = false;
  begin(live);
  if (live.childElementCount) document.querySelectorAll(`[data-static="${name}"]`).forEach((one) => one.remove());
}
const gallery = document.getElementById("gallery");
if (gallery) pictures(gallery);
selection(document.getElementById("selection"));
document.addEventListener("clear-selection", () => {
  look.chosen = null;
  told();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && look.chosen !== null) choose(look.chosen);
});
window.addEventListener("beforeprint", () => document.querySelectorAll("details.wanted").forEach((one) => { one.open = true; }));
