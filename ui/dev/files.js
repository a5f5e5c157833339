/** Changes of a project's files: made ready, limits kept, drifted. */
import { after, monitoring, project, services, verdict } from "./data.js";

const compose = "/srv/monitoring/compose.yaml";
const override = "/srv/monitoring/compose.override.yaml";
const sourceAfter = { ...monitoring, files: [compose, override] };

const ports = [{ hostIp: null, published: 3000, target: 3000, protocol: "tcp" }];
export const verdicts = [
  verdict(
    "refused",
    "hostPort",
    "publishes host port 3000",
    "let the edge take the port over: Make ready does it",
    {
      meaning:
        "Blue and Green can't both listen on port 3000, so that Green could not start while Blue serves.",
      fix: { kind: "useEdge", ports },
    },
  ),
  verdict(
    "refused",
    "containerName",
    "has the fixed name `grafana`",
    "remove `container_name`; callers still find it by that name",
    {
      meaning: "A name can be had by one container only, and Blue has it.",
      fix: { kind: "removeContainerName", name: "grafana" },
    },
  ),
  verdict("needsforce", "noHealthCheck", "has no health check", "add one: Make ready proposes it", {
    meaning: "Nothing tells when Green can answer.",
    fix: { kind: "addHealthCheck" },
  }),
  verdict(
    "warning",
    "callers",
    "alertmanager calls it by its name",
    "route these calls through Traefik too",
    { meaning: "Requests by the service's own name reach Blue and Green without being steered." },
  ),
];

export const readyPlan = {
  id: "ready-1",
  project: "monitoring",
  service: "grafana",
  source: monitoring,
  sourceAfter,
  fixes: [
    {
      fix: verdicts[0].fix,
      reason: "publishes host port 3000",
      change: "an edge, a Traefik container of the project, takes port 3000 over and routes it",
      note: "the first handover of the port interrupts it once, for about 0.7 s",
    },
    {
      fix: verdicts[1].fix,
      reason: "has the fixed name `grafana`",
      change: "the name goes, and stays as an alias on the network",
      note: null,
    },
    {
      fix: verdicts[2].fix,
      reason: "has no health check",
      change: "one is added that asks `/api/health` on port 3000",
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
      timeout: 2s
      retries: 3
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
  verdictsAfter: [verdicts[3]],
};

export const keepPlan = {
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

const withGrafana = (over) => ({
  ...project,
  services: [{ ...services[0], ...over }, ...services.slice(1)],
});

export const unready = withGrafana({ verdicts, readiness: "readyAfterFix", routes: [] });

export const madeReady = withGrafana({
  applied: [
    { kind: "ready", at: { ago: 240_000 }, files: [override], backups: [] },
    { kind: "keep", at: { ago: 3_600_000 }, files: [compose], backups: [`${compose}.bak`] },
  ],
});

export const drifted = withGrafana({
  drift: {
    nextUp: "recreate",
    differences: [
      { what: "cpus", before: "1.5", after: "1" },
      { what: "memory", before: "768M", after: "512M" },
      { what: "environment", before: "", after: "GF_LOG_LEVEL" },
    ],
    byHand: [],
    live: [],
    keepable: true,
    command: ["docker", "compose", "up", "-d"],
  },
});
