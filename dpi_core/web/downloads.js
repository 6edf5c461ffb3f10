/* A download that the server refuses says why. By itself a browser answers "failed" or "cancelled" where a result has gone. */
() => {
  const said = Object.assign(document.createElement("p"), { className: "dpi-message dpi-error", id: "refused", hidden: true });
  said.setAttribute("role", "alert");
  document.body.append(said);
  const reason = async (href) => {
    try {
      const answer = await fetch(href, { headers: { Range: "bytes=0-0" } });
      return answer.ok ? "" : (await answer.json()).detail || "The file cannot be downloaded.";
    } catch {
      return ""; // no network: the browser says so itself
    }
  };
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[download]");
    if (event.isTrusted || !link) said.hidden = true;
    if (!link || link.dataset.checked || !link.href.includes("/gradio_api/file=")) return;
    event.preventDefault();
    const checked = Object.assign(document.createElement("a"), { href: link.href, download: link.download });
    checked.dataset.checked = "yes";
    said.textContent = await reason(checked.href);
    said.hidden = !said.textContent;
    if (!said.hidden) return;
    document.body.append(checked);
    checked.click();
    checked.remove();
  }, true);
};
