/** The window in which nothing but the project has happened: what every scene begins with. */
import type { ProjectSummary } from "../src/backend";
import { summary as shop } from "../src/testing/fixtures";
import { engine, monitoring, plan, project, source } from "./data";
import { keepPlan, readyPlan } from "./files";
import { history, logs, usage } from "./rollout";
import type { Scene } from "./scene";

const summary = (
  name: string,
  running: number,
  total: number,
  over: Partial<ProjectSummary> = {},
): ProjectSummary => ({
  ...shop,
  name,
  source: source(`/srv/${name}/compose.yaml`),
  workingDirectory: `/srv/${name}`,
  running,
  total,
  ...over,
});

export const base: Scene = {
  engine,
  projects: [
    summary("monitoring", 8, 9, { completed: 1 }),
    summary("shop", 7, 7),
    summary("wiki", 2, 3, { unhealthy: true }),
  ],
  recent: [
    {
      name: "playground",
      workingDirectory: "/home/ada/playground",
      source: source("/home/ada/playground/compose.yml"),
    },
  ],
  rollouts: [],
  interrupted: [],
  project,
  plan,
  readyPlan,
  keepPlan,
  history,
  events: [],
  started: "r8",
  logs,
  usage,
  startup: monitoring,
};
