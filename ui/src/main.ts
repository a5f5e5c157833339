import "./locale";
import "./tokens.css";
import "./base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { painted } from "./backend";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");
mount(App, { target });

// Two frames: the first has laid out, the second means that one was painted. Nothing depends on
// the answer, which is only a measurement.
requestAnimationFrame(() => requestAnimationFrame(() => void painted().catch(() => undefined)));
