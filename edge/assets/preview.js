"use strict";
const at = (id) => document.getElementById(id);

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// Only what has changed is replaced, so that a screen reader does not say it again every second.
function replace(list, key, items) {
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...items);
}

function face(seen) {
  const item = element("li", `Face ${seen.number}: ${seen.emotion || "not read yet"}`
    + (seen.notes.length ? ` (${seen.notes.join(", ")})` : ""));
  const list = element("dl");
  for (const [label, share] of seen.probabilities) {
    const bar = element("meter");
    bar.value = share;
    bar.setAttribute("aria-hidden", "true");
    const cell = element("dd");
    cell.append(bar);
    list.append(element("dt", label), cell, element("dd", `${Math.round(share * 100)} %`, "share"));
  }
  item.append(list);
  return item;
}

function show(scene) {
  const { advice, faces, alerts } = scene;
  replace(at("advice"), JSON.stringify(advice),
    (advice.length ? advice : ["Nothing: the picture is good."]).map((text) => element("li", text)));
  at("summary").textContent =
    `${faces.length === 1 ? "1 face" : `${faces.length} faces`}, ${scene.fps.toFixed(1)} pictures a second, `
    + `${scene.width} × ${scene.height} pixels`;
  replace(at("faces"), JSON.stringify(faces), faces.map(face));
  replace(at("alerts"), JSON.stringify(alerts),
    alerts.map((each) => element("li", each.text, each.raised ? "raised" : "")));
}

async function update() {
  const answer = await fetch("status.json").catch(() => null);
  at("over").hidden = answer !== null && answer.ok;
  if (answer !== null && answer.ok) {
    const scene = await answer.json();
    if (scene.faces) show(scene);
  }
  setTimeout(update, 1000);
}
update();
