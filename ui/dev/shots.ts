/**
 * Looks at every state of the built window in Chromium: writes a picture of each to dev/out, and
 * fails on an error of the page, something that does not fit, something that moves although the
 * system asks for stillness, or a breach of WCAG 2 AA.
 *
 *   npm run build && npm run shots [-- SCENE…]
 *
 * With TEAL_STATES=DIRECTORY the pictures go there instead, small enough for a repository: each
 * state in both themes at the size of a small laptop, some of them at every size, and a rollout
 * from its first state to its last as one animated picture of each theme.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { AxeResults } from "axe-core";
import { chromium } from "playwright-core";
import UPNG from "upng-js";
import { preview } from "vite";

import { mockTauri } from "./mock";
import type { Scene } from "./scene";
import { scenes } from "./scenes";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
type Size = readonly [width: number, height: number];
const SIZES: Size[] = [
  [900, 700],
  [1280, 820],
  [1600, 1000],
];
/** Looked at in all sizes also where only small pictures are wanted. */
const AT_EVERY_SIZE = ["project", "traffic"];
const WIDEST: Size = [2560, 1440];
const COLORS = 128;
/** The scenes that a rollout goes through, and how long the animated picture shows each, in ms. */
const ANIMATED: [scene: string, ms: number][] = [
  ["idle", 1200],
  ["edited", 1800],
  ["health", 1600],
  ["traffic", 1800],
  ["drain", 1600],
  ["succeeded", 1800],
];
/** All frames share them. */
const ANIMATED_COLORS = 256;
const kept = process.env.TEAL_STATES;
const out = kept ? `${kept}/` : "dev/out/";
mkdirSync(out, { recursive: true });

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in scenes));
if (unknown.length > 0) {
  throw new Error(`no scene ${unknown.join(", ")}; there are ${Object.keys(scenes).join(", ")}`);
}
const wanted = Object.entries(scenes).filter(
  ([name]) => chosen.length === 0 || chosen.includes(name),
);
const server = await preview({
  preview: { host: "127.0.0.1", port: 0 },
  logLevel: "error",
});
const address = server.resolvedUrls?.local[0] ?? "";
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
const complain = (where: string, what: unknown) => {
  problems++;
  console.error(`${where}: ${what}`);
};

/** A picture of few colours where it is to be kept. */
function small(png: Buffer): Buffer {
  if (!kept) return png;
  const picture = UPNG.decode(png);
  const { width, height } = picture;
  return Buffer.from(UPNG.encode(UPNG.toRGBA8(picture), width, height, COLORS));
}

/** One picture that shows these again and again, in PNG's animated form. */
function animated(pngs: Buffer[]): Buffer {
  const frames = pngs.map((png) => UPNG.decode(png));
  const pixels = frames.flatMap((frame) => UPNG.toRGBA8(frame).slice(0, 1));
  const { width, height } = frames[0] ?? { width: 0, height: 0 };
  const delays = ANIMATED.map(([, ms]) => ms);
  return Buffer.from(UPNG.encode(pixels, width, height, ANIMATED_COLORS, delays));
}

function sizesOf(name: string): Size[] {
  if (!kept) return SIZES;
  return AT_EVERY_SIZE.includes(name) ? [...SIZES, WIDEST] : [[1280, 820]];
}

/** Runs in the page: what moves or could, by its classes. */
function movingParts(): string[] {
  return [...document.querySelectorAll("*")]
    .filter((element) => {
      const { animationName, transitionDuration } = getComputedStyle(element);
      return animationName !== "none" || /[1-9]/.test(transitionDuration);
    })
    .map((element) => `${element.localName}.${element.getAttribute("class") ?? ""}`);
}

/** Axe adds itself to the page. */
declare global {
  interface Window {
    axe: { run: (options: { runOnly: string[] }) => Promise<AxeResults> };
  }
}

async function look(
  { act, ...world }: Scene,
  name: string,
  scheme: "light" | "dark",
  [width, height]: Size,
): Promise<Buffer> {
  const where = `${name}-${scheme}-${width}`;
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: "reduce",
  });
  page.setDefaultTimeout(180_000);
  page.on("pageerror", (error) => complain(where, error));
  page.on("console", (message) => message.type() === "error" && complain(where, message.text()));
  await page.addInitScript(mockTauri, world);
  await page.goto(address);
  await page.waitForSelector("#app:not([aria-busy]) main > *");
  // What reaches for the engine comes two frames later.
  await page.evaluate(
    () =>
      new Promise<void>((done) => {
        let frames = 4;
        const next = () => (frames-- > 0 ? requestAnimationFrame(next) : done());
        next();
      }),
  );
  await act?.(page);
  await page.evaluate(() => document.fonts.ready);
  const file =
    width === 1280 ? `${out}${kept ? `${name}-${scheme}` : where}.png` : `${out}${where}.png`;
  const picture = await page.screenshot();
  writeFileSync(file, small(picture));
  const wide = await page.evaluate(() =>
    [document.documentElement, document.querySelector("main"), document.querySelector("aside")]
      .filter((element) => element !== null)
      .filter((element) => element.scrollWidth > element.clientWidth)
      .map((element) => element.tagName),
  );
  if (wide.length > 0) complain(where, `wider than it may be: ${wide}`);
  const moving = await page.evaluate(movingParts);
  if (moving.length > 0) complain(where, `moves although motion is to be reduced: ${moving}`);
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
  return picture;
}

try {
  for (const scheme of ["light", "dark"] as const) {
    const frames = new Map<string, Buffer>();
    for (const [name, scene] of wanted) {
      const sizes = sizesOf(name);
      const pictures = await Promise.all(sizes.map((size) => look(scene, name, scheme, size)));
      const usual = pictures[sizes.findIndex(([width]) => width === 1280)];
      if (usual) frames.set(name, usual);
    }
    const steps = ANIMATED.flatMap(([name]) => frames.get(name) ?? []);
    if (kept && steps.length === ANIMATED.length) {
      writeFileSync(`${out}rollout-animated-${scheme}.png`, animated(steps));
    }
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(`${wanted.length} scenes, ${problems} problems; pictures in ${out}`);
process.exitCode = problems > 0 ? 1 : 0;
