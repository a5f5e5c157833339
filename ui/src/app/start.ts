/** The page comes to life: what `shell.ts` has drawn answers from now on. */
import { hydrate, mount } from "svelte";

import App from "./App.svelte";

export function start(target: HTMLElement): void {
  // `vite dev` draws nothing beforehand.
  const begin = target.firstElementChild ? hydrate : mount;
  begin(App, { target });
  target.removeAttribute("aria-busy");
}
