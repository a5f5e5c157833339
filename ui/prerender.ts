import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { build, type Plugin } from "vite";

/** Where the page goes in index.html. */
const PLACE = "<!--shell-->";

/** Draws the page's first state into index.html, so that it is seen before any script has run. */
export function prerendered(): Plugin {
  return {
    name: "prerendered",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: async (html) => html.replace(PLACE, await drawn()),
    },
  };
}

async function drawn(): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), "teal-shell-"));
  try {
    await build({
      configFile: false,
      logLevel: "error",
      plugins: [svelte()],
      ssr: { noExternal: true },
      build: {
        ssr: "src/app/shell.ts",
        outDir,
        rolldownOptions: { output: { entryFileNames: "shell.mjs" } },
      },
    });
    const { shell } = (await import(pathToFileURL(join(outDir, "shell.mjs")).href)) as {
      shell: () => string;
    };
    return shell();
  } finally {
    await rm(outDir, { recursive: true });
  }
}
