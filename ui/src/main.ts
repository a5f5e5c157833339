import "./app/locale";
import "./app/tokens.css";
import "./app/base.css";

import { painted } from "./backend";

const target = document.getElementById("app");
if (!target) throw new Error("index.html has no #app");

// Two frames: the first has laid out what index.html shows, the second means that it was painted.
// Nothing depends on the answer, which is only a measurement. The page's own scripts wait for it:
// nobody has to wait for them to see the window.
requestAnimationFrame(() =>
  requestAnimationFrame(() => {
    void painted().catch(() => undefined);
    void import("./app/start").then(({ start }) => start(target));
  }),
);
