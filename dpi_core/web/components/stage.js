/* The stage: one timeline, one large picture and what belongs to it, drawn from `props.value` (a run, dpi_core/web/stage_data.py) and
   `props.plan` (what the controls say now and, in it, the photo's face before its first run, web/chosen_face.py: of two properties
   that change at once the page would take the last alone). It triggers "tau" with the new split when that is let go. */
const VIEWS = {all: "Wipe", input: "Input", fcm: "End of FCM", result: "Result", change: "What RACM changed", truth: "Truth"};
const BUSY = ["reading", "queued", "loading", "running", "pasting"];
const EXACT = 60;  // dB, as in dpi_core/web/live.py
const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
let step = null, hovered = null, chosen = 0, view = "all", dragged = null, player = null, made = null, stageBefore = null, failedOf = null;

const plan = () => props.plan || {steps: [], tau: 0};
const photo = () => plan().photo ?? null;
const before = () => plan().before || {state: "empty", line: "Choose a photo, or one of the examples."};
function current() {  // what is run, or was, of the photo that is chosen
  const v = props.value || {}, of = v.state === "failed" ? failedOf : v.photo ?? null;
  if (BUSY.includes(v.state) || of === photo()) return v;
  return v.state === "ready" ? {...before(), note: `${v.line} ${plan().line}`} : before();  // a run that another photo ended
}
const busy = () => BUSY.includes(current().state);
const piece = () => (current().pieces || [])[chosen] || (current().pieces || [])[0];
const frames = () => (busy() ? [] : piece()?.frames || []);
const stale = () => Boolean(current().made && !busy() && current().state !== "example" && current().made !== plan().made);
const frame = () => (busy() ? current().frame : frames()[hovered ?? step ?? frames().length - 1]);
const scrubbed = () => !busy() && (hovered ?? step) !== null;

function drawHeader(at) {
  const v = current(), stage = v.state === "failed" ? null : at?.stage;
  const text = stale() ? `Out of date: made with ${v.made_with}. Press Restore to run what the controls say now.` : scrubbed() && at ? at.text : v.line;
  head("stage", stage, text, v.state);
  if (stale()) part("stage").dataset.state = "stale";
  part("stage").classList.toggle("stale", stale());
  part("note").textContent = (stale() ? plan().line : v.note) || (busy() ? "" : plan().line || "");
  if (busy() && stage && stageBefore === "FCM" && stage === "RACM") handOver();
  if (busy() || player) stageBefore = stage;
}

function handOver() {
  part("stage").classList.remove("handover");
  void element.offsetWidth;
  part("stage").classList.add("handover");
}

function drawTimeline() {
  const v = current(), kept = v.state !== "example" || v.tau === plan().tau;  // moved away, the example no longer says what a run does
  const own = busy() || (!stale() && kept && v.steps?.length);
  const steps = own ? v.steps || [] : plan().steps, count = steps.length;
  const shown = count > 100 ? 100 : count, ticks = part("ticks");
  if (ticks.childElementCount !== shown) ticks.replaceChildren(...Array.from({length: shown}, () => make("i")));
  const at = frame(), done = own && at ? Math.floor((at.index * shown) / count) : -1;
  const tau = dragged ?? (busy() ? v.tau : plan().tau), handle = part("tau");
  [...ticks.children].forEach((tick, i) => {
    const place = Math.floor((i * count) / shown), [t, given] = steps[place];
    const stage = dragged === null ? given : place === count - 1 ? "final" : t > dragged ? "FCM" : "RACM";
    tick.className = `${stage}${i <= done ? " done" : ""}${i === done ? " now" : ""}`;
    tick.title = `t = ${t}, ${stage}`;
  });
  ticks.setAttribute("aria-valuemax", count || 1);
  ticks.setAttribute("aria-valuenow", at ? at.index + 1 : 1);
  ticks.setAttribute("aria-valuetext", at ? at.text : "no run yet");
  const place = placeOf(tau);
  handle.hidden = plan().split === false;  // another method has none
  handle.style.left = `${100 * place}%`;
  handle.classList.toggle("start", place < 0.05);
  handle.classList.toggle("end", place > 0.94);
  handle.setAttribute("aria-valuenow", tau);
  handle.setAttribute("aria-valuetext", `tau ${tau}: FCM while t is above, RACM below`);
  part("tau-text").textContent = `tau = ${tau}`;
}

function drawFace(at) {
  const p = busy() ? null : piece(), pictures = p?.pictures || {};
  const names = Object.keys(VIEWS).filter((name) => pictures[name] || (name === "all" && pictures.result));
  if (!names.includes(view)) view = "all";
  const wiped = Boolean(p) && !scrubbed() && view === "all";
  const waits = !p && !at && before().picture;  // for its first step
  const single = waits || (busy() || scrubbed() || !p ? at?.x0 : view === "all" ? pictures.result : pictures[view]);
  const main = part("main");
  main.hidden = !single;
  if (single) put(main, single);
  main.alt = waits ? `the ${before().name}, before the run` : busy() || scrubbed() ? `estimate of the face at step ${(at?.index ?? 0) + 1}` : `${(VIEWS[view] || "").toLowerCase()} of ${p?.name || "the face"}`;
  const a = Number(part("a").value), b = pictures.fcm ? Math.max(a, Number(part("b").value)) : a;
  layer("left", wiped && pictures.input, 0, a, "the input");
  layer("middle", wiped && pictures.fcm, a, b, "the estimate at the end of FCM");
  part("cut-a").hidden = part("wipe-a").hidden = !wiped;
  part("cut-b").hidden = part("wipe-b").hidden = !(wiped && pictures.fcm);
  part("cut-a").style.left = `${a}%`;
  part("cut-b").style.left = `${b}%`;
  part("face").classList.toggle("wiped", wiped);
  const spans = pictures.fcm ? [["input", 0, a], ["end of FCM", a, b], ["result", b, 100]] : [["input", 0, a], ["result", a, 100]];
  part("corners").replaceChildren(...(waits ? [[before().name, 0, 100]] : wiped ? spans : []).filter(([, from, to]) => to - from > 12).map(([name, from, to]) => {
    const label = make("b", "", name);
    label.style.left = `${(from + to) / 2}%`;
    return label;
  }));
  part("caption").hidden = !(p && !scrubbed() && view === "change");
  part("caption").textContent = p?.change_text || "";
  part("bar").hidden = !p;
  part("play").hidden = !frames().length;
  part("play").textContent = player ? "■ Stop playing" : "▶ Play";
  const buttons = names.map((name) => button(VIEWS[name], !scrubbed() && view === name, () => { view = name; step = null; pause(); draw(); }, name));
  refill(part("views"), buttons);
}

function layer(role, source, from, to, alt) {
  const image = part(role);
  image.hidden = !source;
  if (!source) return;
  put(image, source);
  image.alt = alt;
  image.style.clipPath = `inset(0 ${100 - to}% 0 ${from}%)`;
}

function button(text, pressed, act, key) {
  const made = make("button", "", text);
  made.dataset.key = key;
  made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", act);
  return made;
}

function drawSide(at) {
  const p = piece(), input = busy() ? current().input : p?.pictures?.given || p?.pictures?.input;
  const masked = busy() || scrubbed() ? at : frames().findLast((f) => f.grid) || at;  // the last step has no mask
  for (const image of element.querySelectorAll("[data-pane]")) {
    const name = image.dataset.pane;
    const source = name === "input" ? input : (name === "mask" ? masked : at)?.[name];
    put(image, source);
    image.closest("figure").hidden = !source;
  }
  part("side").hidden = !at;
  const held = masked?.grid ? `${masked.held} of ${masked.grid} held` : "nothing is held any more";
  part("held").textContent = masked === at ? `mask: ${held}` : `last mask: ${held}`;
}

function drawPieces() {
  const all = busy() ? [] : current().pieces || [];
  part("pieces").hidden = all.length < 2;
  refill(part("pieces"), all.map((p, i) => {
    const made = button("", i === chosen, () => { chosen = i; step = null; pause(); draw(); }, String(i));
    const image = make("img"), text = make("span", "", p.name + (p.line ? `: ${p.line}` : ""));
    image.src = p.pictures.result;
    image.alt = "";
    made.append(image, text);
    return made;
  }));
}

function drawCurves() {
  const holder = part("curves"), all = frames();
  holder.hidden = all.length < 2;
  if (holder.hidden) return;
  const width = 600, height = 84, x = (i) => ((i + 0.5) * width) / all.length, split = all.findIndex((f) => f.stage !== "FCM");
  const curves = [["held to the photo", "%", "#64748b", 100, (f) => (f.grid ? (100 * f.held) / f.grid : 0)],
    ["agreement with the input", "dB", "#0d9488", 6, (f) => Math.min(f.consistency, EXACT)], ["change from step to step", "levels", "#c026d3", 4, (f) => f.change]];
  const word = (value, unit) => (unit === "dB" && value >= EXACT ? "exact" : `${value.toFixed(1)} ${unit}`);
  const lines = curves.map(([name, unit, colour, least, of]) => {  // a curve that moves by less than `least` is no drama
    const values = all.map(of), low = Math.min(...values), high = Math.max(...values), span = Math.max(least, high - low);
    const base = Math.max(0, (low + high - span) / 2);
    const points = values.map((v, i) => `${x(i).toFixed(1)},${(height - 8 - ((v - base) / span) * (height - 16)).toFixed(1)}`).join(" ");
    return {svg: `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>`, name, colour, at: word(values[frame()?.index === undefined ? 0 : all.indexOf(frame())], unit), low: word(low, unit), high: word(high, unit)};
  });
  const border = split < 0 ? width : (split * width) / all.length;
  const here = x(Math.max(0, all.indexOf(frame())));
  const told = lines.map((l) => `${l.name} from ${l.low} to ${l.high}`).join("; ");
  holder.innerHTML = `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="Curves over the steps: ${told}">` +
    `<rect width="${border}" height="${height}" fill="#2563eb" opacity=".08"/><rect x="${border}" width="${width - border}" height="${height}" fill="#ea580c" opacity=".1"/>` +
    `${lines.map((l) => l.svg).join("")}<line x1="${here}" x2="${here}" y1="0" y2="${height}" stroke="currentColor"/></svg>` +
    `<figcaption>${lines.map((l) => `<span><i style="background:${l.colour}"></i>${l.name}: ${l.at}</span>`).join("")}</figcaption>`;
}

function draw() {
  const at = frame();
  drawHeader(at);
  drawTimeline();
  drawFace(at);
  drawSide(at);
  drawPieces();
  drawCurves();
}

function pause() {
  clearInterval(player);
  player = null;
}

function play() {
  if (player) { pause(); step = null; draw(); return; }
  let next = 0;
  stageBefore = null;
  player = setInterval(() => {
    if (next >= frames().length) { pause(); step = null; view = "all"; draw(); return; }
    step = next++;
    const stage = frames()[step].stage;
    if (stageBefore === "FCM" && stage === "RACM") handOver();
    draw();
  }, 220);
}

const tickAt = (event) => Math.min(frames().length - 1, Math.floor(share(event, part("ticks").getBoundingClientRect()) * frames().length));
const times = () => plan().steps.map(([t]) => t);
function placeOf(tau) {  // the left edge of the first step of RACM, however the steps are spaced
  const ts = times(), next = ts.findIndex((t) => t <= tau);
  return next < 0 ? 1 : next / ts.length;
}
function tauAt(event) {
  const ts = times(), next = Math.round(share(event, part("ticks").getBoundingClientRect()) * ts.length);
  return next === 0 ? 1000 : Math.ceil((ts[next] ?? 0) / 10) * 10;
}

part("ticks").addEventListener("pointermove", (event) => { if (frames().length && !stale() && dragged === null) { hovered = tickAt(event); draw(); } });
part("ticks").addEventListener("pointerleave", () => { if (hovered !== null) { hovered = null; draw(); } });
part("ticks").addEventListener("click", (event) => { if (frames().length && !stale()) { pause(); step = tickAt(event); if (step === frames().length - 1) step = null; draw(); } });
part("ticks").addEventListener("keydown", (event) => {
  const last = frames().length - 1, at = step ?? last;
  const to = {ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last, PageDown: at - 5, PageUp: at + 5}[event.key];
  if (to === undefined || last < 0) return;
  event.preventDefault();
  pause();
  step = Math.min(last, Math.max(0, to));
  if (step === last) step = null;
  draw();
});
part("tau").addEventListener("pointerdown", (event) => { if (!busy()) { dragged = plan().tau; part("tau").setPointerCapture(event.pointerId); } });
part("tau").addEventListener("pointermove", (event) => { if (dragged !== null) { dragged = tauAt(event); drawTimeline(); } });
part("tau").addEventListener("pointerup", () => { if (dragged !== null) letGo(dragged); });
part("tau").addEventListener("keydown", (event) => {
  const at = plan().tau, to = {ArrowLeft: at + 10, ArrowUp: at + 10, ArrowRight: at - 10, ArrowDown: at - 10, Home: 1000, End: 0, PageUp: at + 100, PageDown: at - 100}[event.key];
  if (to === undefined || busy()) return;
  event.preventDefault();
  letGo(Math.min(1000, Math.max(0, to)));
});
function letGo(tau) {
  dragged = null;
  props.plan = {...plan(), tau};
  trigger("tau", {tau});
  drawTimeline();
}
part("face").addEventListener("pointerdown", slide);
part("face").addEventListener("pointermove", (event) => { if (event.buttons === 1) slide(event); });
function slide(event) {
  if (!part("face").classList.contains("wiped")) return;
  event.preventDefault();
  const to = Math.round(100 * share(event, part("face").getBoundingClientRect())), a = Number(part("a").value), b = Number(part("b").value);
  part(part("wipe-b").hidden || Math.abs(to - a) < Math.abs(to - b) ? "a" : "b").value = to;
  draw();
}
for (const role of ["a", "b"]) part(role).addEventListener("input", () => {
  if (role === "a") part("b").value = Math.max(part("b").value, part("a").value); else part("a").value = Math.min(part("a").value, part("b").value);
  draw();
});
part("play").addEventListener("click", play);
onF(() => {
  if (!piece() || busy()) return;
  view = view === "result" ? "input" : "result";
  step = null;
  draw();
});
watch("value", () => {
  if (props.value?.state === "failed") failedOf = photo();
  if (made !== current().run) { made = current().run; step = null; hovered = null; chosen = 0; view = "all"; pause(); part("a").value = 33; part("b").value = 67; }
  draw();
});
watch("plan", draw);
draw();
if (current().state === "example" && !still) setTimeout(() => { if (current().state === "example" && !player) play(); }, 600);
