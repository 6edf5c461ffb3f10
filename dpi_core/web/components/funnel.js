/* Seeds side by side, drawn from `props.value`: the faces of the step shown, how far they lie apart from step to step, two to flip
   between. It triggers "choose" with the seed and settings of a face that was clicked, and "variety". */
const compared = comparer(part("comparer"), 100);
let row = null, made = null, pair = [0, 1];
const rows = () => run().rows || [];
const shown = () => (row === null ? run().now : rows()[row]);

function tile(tag, name, text, source, alt, classes = "") {
  const made = make(tag, `tile ${classes}`);
  made.append(picture(source, alt), make("b", "", name), make("small", "", text));
  return made;
}

function drawTiles() {
  const v = run(), at = shown(), results = row === null ? v.results : null;
  const given = [["input", v.input, "what the model is given"], ["truth", v.truth, "the face before it was reduced"]];
  const tiles = given.filter(([, source]) => source).map(([name, source, text]) => tile("figure", name, "", source, text, "given"));
  (v.seeds || []).forEach((seed, i) => {
    const result = results?.[i], source = result?.picture || at?.pictures[i];
    if (!source) return;
    const name = `seed ${seed}` + (result?.typical ? ": most typical" : "");
    const made = tile(results ? "button" : "figure", name, result?.line || "", source, `face of seed ${seed}`, result?.picked ? "picked" : "");
    made.dataset.key = seed;
    if (results) {
      made.title = (result.typical ? "Nearest to the mean of all seeds. " : "") + "Make this the page's seed";
      made.addEventListener("click", () => trigger("choose", {seed: String(seed), config: v.config}));
    }
    tiles.push(made);
  });
  refill(part("tiles"), tiles);
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
  part("steps").style.setProperty("--seeds", (run().seeds || [1]).length);
  refill(part("steps"), rows().map((r, i) => {
    const made = make("button", `row ${r.stage}`);
    made.dataset.key = i;
    made.setAttribute("aria-pressed", String(row === i));
    made.setAttribute("aria-label", `Show step ${r.index + 1}, t = ${r.t}, ${r.stage}: ${r.spread.toFixed(1)} levels apart`);
    made.append(make("span", "", `t ${r.t}: ${r.spread.toFixed(1)} lev.`), ...r.pictures.map((source) => {
      const image = make("img");
      image.src = source;
      image.alt = "";
      return image;
    }));
    made.addEventListener("click", () => { row = row === i ? null : i; draw(); });
    return made;
  }));
}

function drawPair() {
  const v = run(), results = v.results || [];
  part("pair").hidden = part("heat").hidden = results.length < 2;
  if (results.length < 2) return;
  ["first", "second"].forEach((which, i) => {
    part(`choose-${which}`).replaceChildren(...results.map((r, k) => new Option(`seed ${r.seed}`, k, false, k === pair[i])));
  });
  const [a, b] = pair.map((i, k) => ({name: `${"AB"[k]}, seed ${results[i].seed}`, picture: results[i].picture, alt: `face of seed ${results[i].seed}`}));
  compared.show(a, b);
  put(part("heat").querySelector("img"), v.heat.picture);
  say(part("heat").querySelector("figcaption"), v.heat.text);
}

function draw() {
  const v = run(), at = shown();
  const text = row === null ? v.line : `Step ${at.index + 1}, t = ${at.t}, ${at.stage}: the faces lie ${at.spread.toFixed(1)} levels apart.`;
  head("funnel", at?.stage, text);
  say(part("note"), v.note);
  part("variety").hidden = !v.agree;
  drawTiles();
  drawSpread();
  drawSteps();
  drawPair();
}

part("variety").addEventListener("click", () => trigger("variety", {}));
["first", "second"].forEach((which, i) => part(`choose-${which}`).addEventListener("change", (event) => {
  pair[i] = Number(event.target.value);
  compared.cut(i ? 0 : 100);
  drawPair();
}));
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
watch("value", () => {
  if (made !== run().run) { made = run().run; row = null; compared.cut(100); }
  if (run().pair) pair = [...run().pair];
  draw();
});
draw();
