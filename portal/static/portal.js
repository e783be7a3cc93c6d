// Comfort only: every page works without this file.
(() => {
  "use strict";

  // Copy buttons appear only where they can work.
  const offerCopy = (root) => {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("copied");
    const word = button.querySelector(".visually-hidden");
    const before = word.textContent;
    word.textContent = button.dataset.copied;
    setTimeout(() => {
      button.classList.remove("copied");
      word.textContent = before;
    }, 1500);
  });

  // A second click sends nothing twice; the server decides anyway. Back shows the button usable again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if (form.method === "get" || "download" in form.dataset) return;
    form.dataset.sent = "yes";
    for (const button of form.querySelectorAll("button[type=submit]")) button.classList.add("busy");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll(".busy")) button.classList.remove("busy");
    }
  });

  // The notice of an action is shown once: reading the page again does not repeat it.
  const address = new URL(location.href);
  if (address.searchParams.has("done")) {
    address.searchParams.delete("done");
    history.replaceState(null, "", address);
  }

  offerCopy(document);
  document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.addEventListener("htmx:afterSwap", (event) => offerCopy(event.target));
})();
