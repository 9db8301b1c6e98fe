// node page.js <report.html>
//
// Runs the script of a report on a document that only remembers what is put into it, and prints what stands in its
// elements: for every id how many shapes of each kind, and all words.
"use strict";

const fs = require("fs");

class Node {
  constructor(name) {
    Object.assign(this, {name, children: [], attributes: {}, style: {}, text: "", hidden: false, className: ""});
  }
  set textContent(text) { this.children = []; this.text = String(text); }
  get textContent() { return this.text + this.children.map(c => c.textContent).join(""); }
  setAttribute(key, value) {
    if (String(value).includes("NaN") || String(value).includes("undefined"))
      throw new Error(`${this.name} got ${key}="${value}"`);
    this.attributes[key] = value;
  }
  appendChild(child) { this.children.push(child); return child; }
  append(...all) {
    for (const one of all) {
      if (one instanceof Node) { this.children.push(one); continue; }
      const text = new Node("#text");
      text.text = String(one);
      this.children.push(text);
    }
  }
  replaceChildren(...all) { this.children = []; this.text = ""; this.append(...all); }
  addEventListener(kind, f) { if (kind === "pointermove") this.tip = f; }
  getBoundingClientRect() { return {left: 0, top: 0, width: 600, height: 100}; }
}

const byId = {};
global.document = {
  getElementById: id => byId[id] || (byId[id] = new Node(id)),
  createElement: name => new Node(name),
  createElementNS: (_, name) => new Node(name)
};
global.innerWidth = 1280;
global.innerHeight = 800;

const page = fs.readFileSync(process.argv[2], "utf8");
for (const [, id] of page.matchAll(/id="([^"]+)" hidden/g)) document.getElementById(id).hidden = true;
new Function(page.match(/<script>\n([^]*)<\/script>/)[1])();

const count = (node, kinds) => {
  if (node.attributes.class !== "grid") kinds[node.name] = (kinds[node.name] || 0) + 1;
  // What the pointer would be told. Curves ask where it is.
  if (node.tip) {
    node.tip({clientX: 100, clientY: 50});
    const told = document.getElementById("tip").textContent;
    if (/NaN|undefined/.test(told)) throw new Error(`a tip says: ${told}`);
  }
  for (const child of node.children) count(child, kinds);
  return kinds;
};
for (const id of Object.keys(byId)) {
  const node = byId[id], {svg = 0, rect = 0, path = 0} = count(node, {});
  console.log(`${id}: ${node.hidden ? "hidden, " : ""}svg ${svg}, rect ${rect}, path ${path}; ${node.textContent}`);
}
