/** Changes of a project's files: made ready, limits kept, drifted. */
import type { Fix, KeepPlan, Project, ReadyPlan, Verdict } from "../src/backend";
import {
  after,
  callers,
  monitoring,
  noHealthCheck,
  plan,
  readinessOf,
  verdict,
  withGrafana,
} from "./data";
import { ago } from "./scene";

const compose = "/srv/monitoring/compose.yaml";
const override = "/srv/monitoring/compose.override.yaml";
const sourceAfter = { ...monitoring, files: [compose, override] };

const useEdge: Fix = {
  kind: "useEdge",
  ports: [{ hostIp: null, published: 3000, target: 3000, protocol: "tcp" }],
};
const removeName: Fix = { kind: "removeContainerName", name: "grafana" };

export const hostPort: Verdict = verdict({
  level: "refused",
  code: "hostPort",
  reason: "publishes `3000:3000/tcp`",
  meaning: "a port of the host leads to one container only, so Green can't run beside Blue",
  remedy: "let Teal's edge take over the port that is published now, and route it to the service",
  fix: useEdge,
});
const containerName: Verdict = verdict({
  level: "refused",
  code: "containerName",
  reason: "has the fixed container name `grafana`",
  meaning: "Docker gives a name to one container only, so Green can't run beside Blue",
  remedy: "remove `container_name`: Compose names and numbers the containers itself",
  fix: removeName,
});
export const verdicts = [hostPort, containerName, noHealthCheck, callers("alertmanager")];

export const readyPlan: ReadyPlan = {
  pulls: null,
  notices: [],
  id: "ready-1",
  project: "monitoring",
  service: "grafana",
  source: monitoring,
  sourceAfter,
  fixes: [
    {
      fix: useEdge,
      reason: hostPort.reason,
      change: "`teal-edge`, a Traefik of the project's own, takes HTTP at `3000` and passes it on",
      note: "the next rollout hands the port over, and requests meet one short gap then, mostly below a second; `grafana` sees the edge's address instead of its callers', and theirs in `X-Forwarded-For`",
    },
    {
      fix: removeName,
      reason: containerName.reason,
      change:
        "Compose names its containers itself; `grafana` stays as an alias in its networks, so callers find it as before",
      note: "`docker logs grafana` and `docker exec grafana` no longer find it: use `docker compose logs grafana` and `docker compose exec grafana`",
    },
    {
      fix: { kind: "addHealthCheck" },
      reason: noHealthCheck.reason,
      change:
        "the engine asks it every 5 s: `wget -qO- http://127.0.0.1:3000/api/health >/dev/null`",
      note: null,
    },
  ],
  files: [
    {
      path: override,
      before: null,
      after: `services:
  grafana:
    container_name: !reset null
    ports: !reset []
    networks:
      default:
        aliases: [grafana]
    healthcheck:
      test: ["CMD-SHELL", "wget -qO- http://127.0.0.1:3000/api/health >/dev/null"]
      interval: 5s
      timeout: 5s
      retries: 3
      start_period: 30s
  teal-edge:
    image: traefik:v3.7
    read_only: true
    ports:
      - "3000:3000"
`,
      diff: "",
      backup: false,
    },
  ],
  health: {
    test: {
      by: "command",
      test: ["CMD-SHELL", "wget -qO- http://127.0.0.1:3000/api/health >/dev/null"],
    },
    passed: true,
    output: "",
    container: "monitoring-grafana-1",
  },
  first: null,
  verdictsAfter: [callers("alertmanager")],
};

export const keepPlan: KeepPlan = {
  live: null,
  notices: [],
  id: "keep-1",
  project: "monitoring",
  service: "grafana",
  source: monitoring,
  sourceAfter: monitoring,
  limits: after,
  settled: true,
  files: [
    {
      path: compose,
      before: `services:
  grafana:
    image: grafana/grafana:11.2.0 # pinned, see the runbook
    deploy:
      resources:
        limits:
          cpus: "1" # as measured in May
          memory: 512M
`,
      after: `services:
  grafana:
    image: grafana/grafana:11.2.0 # pinned, see the runbook
    deploy:
      resources:
        limits:
          cpus: "1.5" # as measured in May
          memory: 768M
`,
      diff: "",
      backup: true,
    },
  ],
  command: ["docker", "compose", "up", "-d"],
};

export const unready: Project = withGrafana({
  verdicts,
  readiness: readinessOf(verdicts),
  routes: [],
});

export const madeReady = withGrafana({
  applied: [
    { kind: "ready", at: ago(240_000), files: [override], backups: [] },
    { kind: "keep", at: ago(3_600_000), files: [compose], backups: [`${compose}.bak`] },
  ],
});

export const drifted = withGrafana({
  drift: {
    nextUp: "recreate",
    differences: [
      { what: "cpus", before: "1.5", after: "1" },
      { what: "memory", before: "768M", after: "512M" },
      ...plan.differences,
    ],
    byHand: [],
    live: [],
    keepable: true,
    command: ["docker", "compose", "up", "-d"],
  },
});
