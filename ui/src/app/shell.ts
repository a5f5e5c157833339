/** What the window shows before its scripts run: the page as it is until the engine has answered. */
import { render } from "svelte/server";

import App from "./App.svelte";

export const shell = (): string => render(App).body;
