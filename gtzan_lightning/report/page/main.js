// Draws table and charts; a row or the address `#run=<name>` opens the panel of a run.
"use strict";

const hashOf = (id) => `#run=${encodeURIComponent(id)}`;
const show = (id) => { location.hash = hashOf(id); };

function namedInHash() {
  try {
    const id = decodeURIComponent(location.hash.replace(/^#run=/, ""));
    return head.runs.find((run) => run.id === id);
  } catch { // a malformed percent escape in a typed address
    return undefined;
  }
}

function followHash() {
  const dialog = byId("run");
  const run = location.hash.startsWith("#run=") ? namedInHash() : undefined;
  if (!run) { dialog.close(); return; }
  dialog.replaceChildren(...runPanel(run));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

byId("run").addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
// A click beside the panel closes it. The target is checked too, since keyboard clicks have the position 0.
byId("run").addEventListener("click", (event) => {
  if (event.target === byId("run") && event.clientX < byId("run").getBoundingClientRect().left) byId("run").close();
});
window.addEventListener("hashchange", followHash);
drawFilters();
drawTable();
followHash();
