/** Which file may import what: the walls between the folders. */
import { expect, test } from "vitest";

const sources = Object.entries(
  import.meta.glob<string>(["./**/*.{ts,svelte}", "!./**/*.test.ts", "!./bindings/**"], {
    query: "?raw",
    import: "default",
    eager: true,
  }),
).map(([file, text]) => ({ file: file.slice(2), text }));

/** From the bottom up: a folder imports from those before it alone. */
const FOLDERS = [
  "units",
  "components",
  "engine",
  "rollout",
  "state",
  "plan",
  "history",
  "files",
  "logs",
  "project",
  "service",
  "app",
];

/** The folders of `src` that a file imports from, besides its own. */
function folders({ file, text }: { file: string; text: string }): string[] {
  const imports = text.matchAll(/(?:from|import|import\() ?"\.\.\/([a-z]+)\//g);
  return [...imports].map(([, folder]) => folder ?? "").filter((one) => !file.startsWith(one));
}

test("only backend.ts talks to the desktop program", () => {
  expect(sources.length).toBeGreaterThan(80);
  const known = ["backend.ts", "testing/app.ts"];
  const talking = sources.filter(({ text }) => /@tauri-apps\/|\/bindings\//.test(text));
  expect(talking.map(({ file }) => file).sort()).toEqual(known);
});

test("folders build on each other in one direction", () => {
  const upward = sources.flatMap((source) => {
    const own = FOLDERS.indexOf(source.file.split("/")[0] ?? "");
    // Above the folders: backend.ts and main.ts; testing/ stands beside them.
    if (own === -1) return [];
    const wrong = folders(source).filter((folder) => {
      const other = FOLDERS.indexOf(folder);
      return other === -1 || other > own;
    });
    return wrong.map((folder) => `${source.file} imports from ${folder}/`);
  });
  expect(upward).toEqual([]);
});

test("components know no domain", () => {
  const wrong = sources.filter(
    ({ file, text }) => file.startsWith("components/") && /"\.\.\/(?!units\/)[a-z]/.test(text),
  );
  expect(wrong.map(({ file }) => file)).toEqual([]);
});
