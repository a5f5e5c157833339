import { gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { prerendered } from "./prerender.ts";

/** What the window may load before it shows anything, in bytes after gzip. */
const MOST_SCRIPT = 150_000;

/** Ends a build whose scripts have grown beyond what the window promises. */
function smallEnough(): Plugin {
  return {
    name: "small-enough",
    apply: "build",
    generateBundle(_, bundle) {
      const scripts = Object.values(bundle).flatMap((file) =>
        file.type === "chunk" ? file.code : [],
      );
      const size = scripts.reduce((sum, code) => sum + gzipSync(code).length, 0);
      if (size > MOST_SCRIPT) {
        this.error(`the scripts are ${size} bytes after gzip, and may be ${MOST_SCRIPT}`);
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), svelteTesting(), smallEnough(), prerendered()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
  build: {
    target: "safari16",
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // All of it is needed by what index.html shows before any script has run.
    cssCodeSplit: false,
    // The page's CSP allows no fonts or styles from data: addresses.
    assetsInlineLimit: 0,
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.ts"],
    // What a test waits for comes at once; on a machine that builds besides, it does not.
    testTimeout: 30_000,
    setupFiles: ["src/testing/setup.ts"],
  },
});
