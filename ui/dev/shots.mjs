/**
 * Looks at every state of the built window in Chromium: writes a picture of each to dev/out, and
 * fails on an error of the page, something that does not fit, or a breach of WCAG 2 AA.
 *
 *   npm run build && npm run shots [-- SCENE…]
 *
 * With TEAL_STATES=DIRECTORY the pictures go there instead, small enough for a repository: each
 * state in both themes at the size of a small laptop, and some of them at every size.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";
import UPNG from "upng-js";
import { preview } from "vite";

import { keepPlan, readyPlan } from "./files.js";
import { mockTauri } from "./mock.js";
import { scenes } from "./scenes.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = [
  [900, 700],
  [1280, 820],
  [1600, 1000],
];
/** Looked at in all sizes also where only small pictures are wanted. */
const AT_EVERY_SIZE = ["project", "traffic"];
const WIDEST = [2560, 1440];
const COLORS = 128;
const kept = process.env.TEAL_STATES;
const out = kept ? `${kept}/` : new URL("out/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const chosen = process.argv.slice(2);
const names = Object.keys(scenes).filter((name) => chosen.length === 0 || chosen.includes(name));
const server = await preview({
  preview: { host: "127.0.0.1", port: 0 },
  logLevel: "error",
});
const address = server.resolvedUrls.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
let problems = 0;
const complain = (where, what) => {
  problems++;
  console.error(`${where}: ${what}`);
};

/** A picture of few colours where it is to be kept. */
function small(png) {
  if (!kept) return png;
  const picture = UPNG.decode(png);
  const { width, height } = picture;
  return Buffer.from(UPNG.encode(UPNG.toRGBA8(picture), width, height, COLORS));
}

function sizesOf(name) {
  if (!kept) return SIZES;
  return AT_EVERY_SIZE.includes(name) ? [...SIZES, WIDEST] : [[1280, 820]];
}

async function look(name, scheme, [width, height]) {
  const where = `${name}-${scheme}-${width}`;
  const { act, ...scene } = scenes[name];
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: "reduce",
  });
  page.setDefaultTimeout(180_000);
  page.on("pageerror", (error) => complain(where, error));
  page.on("console", (message) => message.type() === "error" && complain(where, message.text()));
  await page.addInitScript(mockTauri, { ...scene, readyPlan, keepPlan });
  await page.goto(address);
  await page.waitForSelector("#app:not([aria-busy]) main > *");
  // What reaches for the engine comes two frames later.
  await page.evaluate(
    () =>
      new Promise((done) => {
        let frames = 4;
        const next = () => (frames-- > 0 ? requestAnimationFrame(next) : done());
        next();
      }),
  );
  await act?.(page);
  await page.evaluate(() => document.fonts.ready);
  const file =
    width === 1280 ? `${out}${kept ? `${name}-${scheme}` : where}.png` : `${out}${where}.png`;
  writeFileSync(file, small(await page.screenshot()));
  const wide = await page.evaluate(() =>
    [document.documentElement, document.querySelector("main"), document.querySelector("aside")]
      .filter((element) => element.scrollWidth > element.clientWidth)
      .map((element) => element.tagName),
  );
  if (wide.length > 0) complain(where, `wider than it may be: ${wide}`);
  if (width === 1280) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() =>
      window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }),
    );
    for (const { id, nodes } of violations) {
      complain(
        where,
        `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`,
      );
    }
  }
  await page.close();
}

try {
  for (const name of names) {
    for (const scheme of ["light", "dark"]) {
      await Promise.all(sizesOf(name).map((size) => look(name, scheme, size)));
    }
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(`${names.length} scenes, ${problems} problems; pictures in ${out}`);
process.exitCode = problems > 0 ? 1 : 0;
