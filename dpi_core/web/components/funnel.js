/* Seeds side by side, drawn from `props.value`: the faces of the step shown, how far they lie apart from step to step, two to flip
   between. It triggers "choose" with the seed of a face that was clicked, and "variety". */
const part = (role) => element.querySelector(`[data-role="${role}"]`);
let row = null, made = null, pair = [0, 1];
const run = () => props.value || {};
const rows = () => run().rows || [];
const shown = () => (row === null ? run().now : rows()[row]);

function make(tag, classes, text) {
  const created = document.createElement(tag);
  created.className = classes;
  if (text !== undefined) created.textContent = text;
  if (tag === "button") created.type = "button";
  return created;
}

function picture(source, alt) {
  const window = make("div", "window"), image = document.createElement("img");
  image.src = source;
  image.alt = alt;
  window.append(image);
  return window;
}

function tile(tag, name, text, source, alt, classes = "") {
  const made = make(tag, `tile ${classes}`);
  made.append(picture(source, alt), make("b", "", name), make("small", "", text));
  return made;
}

function drawTiles() {
  const v = run(), at = shown(), results = row === null ? v.results : null, holder = part("tiles");
  const focused = holder.contains(document.activeElement) ? document.activeElement.dataset.seed : null;
  const given = [["input", v.input, "what the model is given"], ["truth", v.truth, "the face before it was reduced"]];
  const tiles = given.filter(([, source]) => source).map(([name, source, text]) => tile("figure", name, "", source, text, "given"));
  (v.seeds || []).forEach((seed, i) => {
    const result = results?.[i], source = result?.picture || at?.pictures[i];
    if (!source) return;
    const made = tile(results ? "button" : "figure", `seed ${seed}`, result?.line || "", source, `face of seed ${seed}`, result?.picked ? "picked" : "");
    made.dataset.seed = seed;
    if (results) {
      made.title = "Make this the page's seed";
      made.addEventListener("click", () => trigger("choose", {seed: String(seed)}));
    }
    tiles.push(made);
  });
  holder.replaceChildren(...tiles);
  if (focused) holder.querySelector(`[data-seed="${focused}"]`)?.focus();
}

function drawSpread() {
  const v = run(), all = v.spreads || [], holder = part("spread"), count = (v.steps || []).length;
  holder.hidden = all.length < 2;
  if (holder.hidden) return;
  const width = 600, height = 96, x = (i) => ((i + 0.5) * width) / count, top = Math.max(10, ...all.map((s) => s.value));
  const y = (value) => height - 4 - (value / top) * (height - 10), late = v.steps.findIndex(([, stage]) => stage !== "FCM");
  const border = late < 0 ? width : (late * width) / count, at = shown();
  const line = (from, colour) => `<polyline fill="none" stroke="${colour}" stroke-width="2.5" points="${from.map((s) => `${x(s.index).toFixed(1)},${y(s.value).toFixed(1)}`).join(" ")}"/>`;
  const first = all.filter((s) => s.stage === "FCM"), second = all.filter((s) => s.stage !== "FCM");
  const here = at ? `<line x1="${x(at.index)}" x2="${x(at.index)}" y1="0" y2="${height}" stroke="currentColor"/>` : "";
  const told = `spread of the seeds over the steps, from ${all[0].value.toFixed(1)} to ${all.at(-1).value.toFixed(1)} levels`;
  holder.innerHTML = `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${told}">` +
    `<rect width="${border}" height="${height}" fill="#2563eb" opacity=".08"/><rect x="${border}" width="${width - border}" height="${height}" fill="#ea580c" opacity=".1"/>` +
    `${line(first, "#2563eb")}${line([...first.slice(-1), ...second], "#ea580c")}${here}</svg>` +
    `<figcaption>Spread of the seeds from step to step: ${(at ? at.spread : all.at(-1).value).toFixed(1)} levels here (standard deviation; scale 0 to ${top.toFixed(0)}). Blue: FCM, orange: RACM.</figcaption>`;
}

function drawSteps() {
  const v = run(), holder = part("steps"), focused = holder.contains(document.activeElement) ? document.activeElement.dataset.row : null;
  holder.style.setProperty("--seeds", (v.seeds || [1]).length);
  holder.replaceChildren(...rows().map((r, i) => {
    const made = make("button", `row ${r.stage}`);
    made.dataset.row = i;
    made.setAttribute("aria-pressed", String(row === i));
    made.setAttribute("aria-label", `Show step ${r.index + 1}, t = ${r.t}, ${r.stage}: ${r.spread.toFixed(1)} levels apart`);
    made.append(make("span", "", `t ${r.t}: ${r.spread.toFixed(1)} lev.`), ...r.pictures.map((source) => {
      const image = document.createElement("img");
      image.src = source;
      image.alt = "";
      return image;
    }));
    made.addEventListener("click", () => { row = row === i ? null : i; draw(); });
    return made;
  }));
  if (focused) holder.querySelector(`[data-row="${focused}"]`)?.focus();
}

function drawPair() {
  const v = run(), results = v.results || [];
  part("pair").hidden = part("heat").hidden = results.length < 2;
  if (results.length < 2) return;
  ["first", "second"].forEach((which, i) => {
    const select = part(`choose-${which}`);
    select.replaceChildren(...results.map((r, k) => new Option(`seed ${r.seed}`, k, false, k === pair[i])));
    part(which).src = results[pair[i]].picture;
  });
  part("heat").querySelector("img").src = v.heat.picture;
  part("heat").querySelector("figcaption").textContent = v.heat.text;
  show(!part("second").hidden);
}

function show(second) {
  part("first").hidden = second;
  part("second").hidden = !second;
  part("flip").setAttribute("aria-pressed", String(second));
  part("shown").textContent = `${second ? "B" : "A"}, seed ${run().results[pair[second ? 1 : 0]].seed}`;
}

function draw() {
  const v = run(), at = shown();
  part("funnel").dataset.state = v.state || "empty";
  part("badge").className = `badge ${at?.stage || ""}`;
  part("badge").textContent = v.state === "failed" ? "failed" : at ? (at.stage === "final" ? "result" : at.stage) : v.state || "ready";
  part("badge").dataset.stage = at?.stage || "";
  part("line").setAttribute("role", v.state === "failed" ? "alert" : "status");
  const text = row === null ? v.line : `Step ${at.index + 1}, t = ${at.t}, ${at.stage}: the faces lie ${at.spread.toFixed(1)} levels apart.`;
  if (part("line").textContent !== (text || "")) part("line").textContent = text || "";
  part("note").textContent = v.note || "";
  part("variety").hidden = !v.agree;
  drawTiles();
  drawSpread();
  drawSteps();
  drawPair();
}

element.addEventListener("click", (event) => {
  const role = event.target.dataset.role;
  if (role === "flip") show(part("second").hidden);
  if (role === "variety") trigger("variety", {});
});
element.addEventListener("change", (event) => {
  const which = ["choose-first", "choose-second"].indexOf(event.target.dataset.role);
  if (which < 0) return;
  pair[which] = Number(event.target.value);
  drawPair();
  show(which === 1);
});
element.addEventListener("input", (event) => {
  if (event.target.dataset.role === "zoom") element.style.setProperty("--zoom", event.target.value);
});
element.addEventListener("pointermove", (event) => {
  const window = event.target.closest(".window");
  if (!window) return;
  const box = window.getBoundingClientRect();
  element.style.setProperty("--x", `${(100 * (event.clientX - box.left)) / box.width}%`);
  element.style.setProperty("--y", `${(100 * (event.clientY - box.top)) / box.height}%`);
});
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range";
  if (event.key.toLowerCase() === "f" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey && run().results && element.offsetParent) {
    show(part("second").hidden);
  }
});
watch("value", () => {
  if (made !== run().run) { made = run().run; row = null; part("second").hidden = true; part("first").hidden = false; }
  if (run().pair) pair = [...run().pair];
  draw();
});
draw();
