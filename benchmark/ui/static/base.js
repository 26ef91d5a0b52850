"use strict";
// What all screens share: requests to the server, messages, and elements.

const box = document.getElementById("message");
let clearing;

/** Show one message at the bottom of the page; it goes away by itself. */
export function say(text, seconds = 12) {
  box.textContent = text;
  box.hidden = !text;
  clearTimeout(clearing);
  if (text) clearing = setTimeout(() => { box.hidden = true; }, seconds * 1000);
}

/** Request JSON; an error of the server becomes an Error with its message. */
export async function api(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is tagbench ui still running?");
  }
  let content = {};
  try {
    content = await answer.json();
  } catch { /* an answer without a body */ }
  if (!answer.ok) throw new Error(content.error ?? `The server answered ${answer.status}.`);
  return content;
}

/** Send JSON. */
export function post(path, value) {
  return api(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  });
}

/** Create an element: make("button", {type: "button", onclick: f}, "text", child). */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-") || key.startsWith("data-") || key === "role" || key === "for")
      element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

/** Wait for a job of the server; calls `progress(fraction, text)`, and returns its result. */
export async function finished(id, progress, signal) {
  for (;;) {
    const job = await api(`/api/jobs/${id}`, { signal });
    if (job.state === "done") return job.result;
    if (job.state === "failed") throw new Error(job.error);
    if (job.state === "cancelled") return null;
    progress(job.progress, job.message);
    await new Promise(resume => setTimeout(resume, 120));
  }
}
