/** The window in which nothing but the project has happened: what every scene begins with. */
import { engine, monitoring, plan, project, source } from "./data.js";
import { history, logs, usage } from "./rollout.js";

export const summary = (name, running, total, over = {}) => ({
  name,
  source: source(`/srv/${name}/compose.yaml`),
  workingDirectory: `/srv/${name}`,
  running,
  total,
  completed: 0,
  unhealthy: false,
  filesExist: true,
  ...over,
});

export const base = {
  engine,
  projects: [
    summary("monitoring", 6, 7),
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
  project,
  plan,
  history,
  logs,
  usage,
  startup: monitoring,
};
