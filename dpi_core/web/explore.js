/* The grid of settings: the chosen cell large, the best one marked. `element` is the component; its content is replaced
   while cells come in, so what was chosen is kept here and chosen again. */
const part = (role) => element.querySelector(`[data-role="${role}"]`);
let chosen = null;
let measure = null;
let inside = false;

function show(input) {
  const detail = part("detail");
  if (!detail || !input) return;
  const cell = input.closest(".dpi-cell");
  part("large").src = cell.querySelector("img").src;
  part("large").alt = `chosen: ${cell.querySelector("img").alt}`;
  part("chosen").textContent = input.getAttribute("aria-label");
  part("hint").hidden = true;
  detail.hidden = false;
}

function again() {
  const select = part("measure");
  if (select && measure && [...select.options].some((option) => option.value === measure)) {
    select.value = measure;
    element.querySelector(".dpi-explore").dataset.measure = measure;
  }
  const input = [...element.querySelectorAll(".dpi-cell input")].find((cell) => cell.value === chosen);
  if (!input) return;
  input.checked = true;
  show(input);
  if (inside && document.activeElement === document.body) input.focus({preventScroll: true});
}

element.addEventListener("change", (event) => {
  if (event.target.dataset.role === "measure") {
    measure = event.target.value;
    element.querySelector(".dpi-explore").dataset.measure = measure;
  } else if (event.target.type === "radio") {
    chosen = event.target.value;
    show(event.target);
  }
});
document.addEventListener("focusin", (event) => {
  inside = element.contains(event.target) && event.target.type === "radio";
});
watch("value", again);
