/** Who asks the system for less motion gets none: one rule stills whatever CSS moves. */
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

// Vitest leaves style sheets out of what is imported, and jsdom knows nothing of `!important` in
// shorthands: what comes of the rule is looked at in a browser, by `npm run shots`.
const base = readFileSync("src/app/base.css", "utf8");

const sources = import.meta.glob<string>(
  ["../**/*.svelte", "../**/*.ts", "!../**/*.test.ts", "!../{bindings,testing}/**"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);

test("one rule ends all animations and transitions of CSS", () => {
  const stilled =
    /@media \(prefers-reduced-motion: reduce\) \{\s*\*,\s*\*::before,\s*\*::after \{([^}]*)\}/;
  const rule = stilled.exec(base)?.[1];
  expect(rule).toContain("animation: none !important;");
  expect(rule).toContain("transition: none !important;");
});

test("nothing moves by script, where that rule does not reach", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(50);
  const byScript = /svelte\/(transition|motion|animate)|\.animate\(|"smooth"|scroll-behavior/;
  const moving = Object.entries(sources).filter(([, text]) => byScript.test(text));
  expect(moving.map(([file]) => file)).toEqual([]);
});
