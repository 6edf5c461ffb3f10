/* Flip and zoom of the seed comparison. `element` is the component; its content is replaced while seeds run. */
const part = (role) => element.querySelector(`[data-role="${role}"]`);

function show(second) {
  const [a, b, flip, shown] = ["a", "b", "flip", "shown"].map(part);
  if (!flip) return;
  a.hidden = second;
  b.hidden = !second;
  flip.setAttribute("aria-pressed", String(second));
  shown.textContent = (second ? "B, seed " : "A, seed ") + part(second ? "choose-b" : "choose-a").value;
}

function choose(which) {
  const card = element.querySelector(`.dpi-card[data-seed="${part("choose-" + which).value}"] img`);
  part(which).src = card.src;
  show(which === "b");
}

function zoomAt(event) {
  const window = event.target.closest(".dpi-window");
  if (!window) return;
  const box = window.getBoundingClientRect();
  element.style.setProperty("--dpi-x", `${(100 * (event.clientX - box.left)) / box.width}%`);
  element.style.setProperty("--dpi-y", `${(100 * (event.clientY - box.top)) / box.height}%`);
}

element.addEventListener("click", (event) => {
  if (event.target.closest('[data-role="flip"]')) show(part("b").hidden);
});
element.addEventListener("change", (event) => {
  const role = event.target.dataset.role || "";
  if (role.startsWith("choose-")) choose(role.slice(-1));
});
element.addEventListener("input", (event) => {
  if (event.target.dataset.role === "zoom") element.style.setProperty("--dpi-zoom", event.target.value);
});
element.addEventListener("pointermove", zoomAt);
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range";
  if (event.key.toLowerCase() === "f" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (part("flip") && element.offsetParent) show(part("b").hidden);
  }
});
