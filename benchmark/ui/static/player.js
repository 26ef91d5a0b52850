"use strict";
// The A/B player: two audio elements of which one is audible, at the same place in the music.
import { clock } from "./plots.js";

const $ = id => document.getElementById(id);

/** Create the player; `moved(share)` is called with the position, from 0 to 1. */
export function createPlayer(moved) {
  const audio = { clean: $("audio-a"), perturbed: $("audio-b") };
  const facts = { clean: null, perturbed: null };
  let current = "clean";
  const now = () => audio[current];
  const length = name => facts[name]?.seconds || 1;
  const share = () => Math.min(now().currentTime / length(current), 1);

  function show() {
    const place = share();
    $("seek").value = Math.round(place * 1000);
    $("seek").setAttribute("aria-valuetext", `${clock(now().currentTime)} of ${clock(length(current))}`);
    $("time").textContent = `${clock(now().currentTime)} / ${clock(length(current))}`;
    moved(place);
  }

  function frame() {
    show();
    if (!now().paused) requestAnimationFrame(frame);
  }

  function volume() {
    const { clean, perturbed } = facts;
    const difference = (perturbed?.lufs ?? 0) - (clean?.lufs ?? 0);
    const known = clean?.lufs != null && perturbed?.lufs != null;
    const matched = $("match").checked && known;
    // Only the louder one is attenuated: nothing can clip.
    audio.clean.volume = matched && difference < 0 ? 10 ** (difference / 20) : 1;
    audio.perturbed.volume = matched && difference > 0 ? 10 ** (-difference / 20) : 1;
  }

  async function play() {
    try {
      await now().play();
    } catch { /* the browser was interrupted by a switch */ }
  }

  function choose(name) {
    if (name === current || !facts.perturbed) return;
    const place = share(), playing = !now().paused;
    now().pause();
    current = name;
    now().currentTime = place * length(name);
    for (const [id, own] of [["a", "clean"], ["b", "perturbed"]]) {
      $(id).setAttribute("aria-checked", String(own === name));
      $(id).tabIndex = own === name ? 0 : -1;
    }
    if (playing) play();
    show();
  }

  function seek(place) {
    now().currentTime = Math.max(0, Math.min(place, 1)) * length(current);
    show();
  }

  function toggle() {
    if (now().paused) play();
    else now().pause();
  }

  $("play").addEventListener("click", toggle);
  $("a").addEventListener("click", () => choose("clean"));
  $("b").addEventListener("click", () => choose("perturbed"));
  for (const id of ["a", "b"]) $(id).addEventListener("keydown", event => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    choose(id === "a" ? "perturbed" : "clean");
    $(id === "a" ? "b" : "a").focus();
  });
  $("seek").addEventListener("input", () => seek($("seek").value / 1000));
  $("match").addEventListener("change", volume);
  for (const element of Object.values(audio)) {
    for (const event of ["play", "pause", "ended"]) element.addEventListener(event, () => {
      $("play").textContent = now().paused ? "Play" : "Pause";
      frame();
    });
    for (const event of ["loadedmetadata", "seeked"]) element.addEventListener(event, show);
  }
  document.addEventListener("keydown", event => {
    if (!facts.clean || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.closest?.("input, select, textarea, button, summary, a")) {
      const typed = target.closest("input[type=search], select, input[type=range], input[type=text]");
      if (typed || event.key === " " || event.key === "Enter") return;
    }
    const actions = {
      " ": toggle,
      a: () => choose("clean"),
      b: () => choose("perturbed"),
      x: () => choose(current === "clean" ? "perturbed" : "clean"),
      ArrowLeft: () => seek(share() - 5 / length(current)),
      ArrowRight: () => seek(share() + 5 / length(current)),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  function load(result) {
    const place = facts.clean ? share() : 0, sameTrack = facts.clean?.key === result.key;
    const playing = !now().paused && sameTrack, perturbed = result.condition !== "clean";
    for (const name of ["clean", "perturbed"]) {
      const source = `/api/audio/${result[name].digest}`;
      if (!audio[name].src.endsWith(source)) audio[name].src = source;
      facts[name] = { ...result[name], key: result.key };
    }
    $("b").disabled = !perturbed;
    $("match").disabled = !perturbed;
    if (!perturbed) {
      choose("clean");
      facts.perturbed = null;
    }
    const text = value => (value == null ? "silent" : `${value.toFixed(1)} LUFS`).replace("-", "−");
    $("loudness").textContent = perturbed
      ? `A ${text(result.clean.lufs)}, B ${text(result.perturbed.lufs)}` : text(result.clean.lufs);
    $("loudness").title = result.gain_db ? `Both are played with a gain of ${result.gain_db} dB.` : "";
    $("player").hidden = false;
    volume();
    seek(sameTrack ? place : 0);
    if (playing) play();
  }

  return { load, seek, share };
}
