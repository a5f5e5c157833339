import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import svelteConfig from "./svelte.config.js";

const tauri = {
  group: ["@tauri-apps/*", "**/bindings/*"],
  message: "Only backend.ts talks to the desktop program; import from it.",
};
const domain = {
  group: ["../*", "!../units"],
  message: "A component knows no domain: give it props.",
};

export default ts.config(
  { ignores: ["dist", "src/bindings", "dev/out"] },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  ...svelte.configs.prettier,
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      "no-restricted-imports": ["error", { patterns: [tauri] }],
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      "svelte/no-at-html-tags": "error",
      // Maps and sets in state are replaced as a whole, and the others are nobody's state.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
  {
    files: ["src/components/**"],
    rules: { "no-restricted-imports": ["error", { patterns: [tauri, domain] }] },
  },
  // The window's own tests stand for the desktop program at the other end.
  { files: ["src/backend.ts", "src/testing/app.ts"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["dev/**", "*.config.*"],
    languageOptions: { globals: { ...globals.node } },
    rules: { "no-console": "off" },
  },
);
