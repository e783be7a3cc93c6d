// Comfort only: without this file the page of a starting sandbox reads itself again every two seconds.
(() => {
  "use strict";
  const waiting = document.querySelector("[data-progress]");
  if (!waiting) return;
  const events = new EventSource(waiting.dataset.progress);
  events.addEventListener("message", (event) => {
    const { progress, ready, failed } = JSON.parse(event.data);
    if (progress !== undefined) waiting.querySelector("progress").value = progress;
    if (!ready && !failed) return;
    events.close();
    location.reload(); // the same address leads to the running sandbox, or says that it did not open
  });
  // A stream the server closed does not come back by itself: ask what has become of the sandbox.
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
  });
})();
