/** Runs `shots.ts` as Vite would: scenes import the sources of the window. */
import { runnerImport } from "vite";

await runnerImport("./dev/shots.ts", { configFile: false, logLevel: "error" });
