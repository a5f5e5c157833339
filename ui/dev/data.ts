/** The project of the scenes, on the fixtures of the tests. */
import type { Plan, Project, ProjectSource, Replica, Service, Verdict } from "../src/backend";
import * as fixtures from "../src/testing/fixtures";
import { M } from "../src/units/limits";
import { ago } from "./scene";

export { after, before } from "../src/testing/fixtures";

const id = (seed: string): string => seed.repeat(64).slice(0, 64);
export const BLUE = id("b1");
export const GREEN = id("97ee");

export const source = (...files: string[]): ProjectSource => ({ ...fixtures.source, files });
export const monitoring = source("/srv/monitoring/compose.yaml");
export const engine = { ...fixtures.engine, name: "desktop-linux" };

const replica = (over: Partial<Replica>): Replica =>
  fixtures.replica({
    id: BLUE,
    name: "monitoring-grafana-1",
    startedAt: ago(3 * 86_400_000),
    imageId: "sha256:5f1c2ab04d",
    ...over,
  });
const blue = replica({});
export const green = (health: Replica["health"], startedMs = 24_000): Replica =>
  replica({
    id: GREEN,
    name: "monitoring-grafana-2",
    number: 2,
    health,
    limits: fixtures.after,
    startedAt: ago(startedMs),
    rollout: "r8",
  });

const route = (name: string) => ({
  router: name,
  rule: `Host(\`${name}.localhost\`)`,
  entryPoints: ["web"],
  tls: false,
  url: `http://${name}.localhost:8000/`,
});

const RANKS = ["ready", "readyAfterFix", "notForBlueGreen"] as const;

/** What a service's verdicts come to, as the engine has it. */
export function readinessOf(verdicts: Verdict[]): Service["readiness"] {
  const ranks = verdicts.map(({ readiness }) => RANKS.indexOf(readiness));
  return RANKS[Math.max(0, ...ranks)] ?? "ready";
}

const service = (name: string, over: Partial<Service> = {}): Service =>
  fixtures.service({
    name,
    image: `registry.example.com/${name}:11.2.0`,
    replicas: [replica({ id: id(name), name: `monitoring-${name}-1` })],
    reservations: { cpus: null, memory: 128 * M },
    healthCheck: {
      test: ["CMD", "true"],
      intervalMs: 5000,
      timeoutMs: 2000,
      startPeriodMs: 0,
      startIntervalMs: null,
      retries: 3,
    },
    routes: [route(name)],
    revision: null,
    readiness: readinessOf(over.verdicts ?? []),
    ...over,
  });

/** As the engine judges: each of these is one of its verdicts, word for word. */
export const verdict = (over: Pick<Verdict, "level" | "code" | "reason"> & Partial<Verdict>) => ({
  readiness: over.level === "warning" ? ("ready" as const) : ("readyAfterFix" as const),
  meaning: "",
  remedy: "",
  fix: null,
  ...over,
});

const IN_ITS_NATURE = { readiness: "notForBlueGreen" } as const;

const store = (image: string): Verdict =>
  verdict({
    ...IN_ITS_NATURE,
    level: "needsforce",
    code: "stateful",
    reason: `\`${image}\` is a store`,
    meaning: "Blue and Green would each have, or fight for, its data",
    remedy:
      "change its limits with `teal update`, or with a restart in a quiet hour; `--force` if two of it can run on the same data",
  });

export const noHealthCheck: Verdict = verdict({
  level: "needsforce",
  code: "noHealthCheck",
  reason: "has no health check",
  meaning:
    "neither file nor image says when Green can take requests; with `--force` it counts as healthy when it runs and accepts connections",
  remedy: "add a `healthcheck:` to the service",
  fix: { kind: "addHealthCheck" },
});

export const callers = (name: string): Verdict =>
  verdict({
    level: "warning",
    code: "callers",
    reason: `\`${name}\` may call it by its service name`,
    meaning: "such calls bypass Traefik and reach Blue and Green alike",
    remedy: "have them call it through Traefik, or retry a failed connection",
  });

const hostAgent: Verdict = verdict({
  ...IN_ITS_NATURE,
  level: "needsforce",
  code: "hostAgent",
  reason: "looks after the machine that it runs on",
  meaning: "Blue and Green would each report the same machine, or act on it",
  remedy:
    "change its limits with `teal update`, or restart it in a quiet moment; `--force` if two of it may run for a moment",
});

const job: Verdict = verdict({
  ...IN_ITS_NATURE,
  level: "refused",
  code: "oneShot",
  reason: "is a job: it has ended with exit code 0 and nothing restarts it",
  meaning: "it runs to its end: there is no Blue whose traffic could move",
  remedy: "start it again with its new limits when it is next due",
});

export const notCreated = (name: string): Verdict =>
  verdict({
    level: "refused",
    code: "notRunning",
    reason: "has no container",
    meaning: "there is no Blue whose place Green could take",
    remedy: `start it with \`docker compose up -d ${name}\``,
  });

const notHealthyYet: Verdict = verdict({
  level: "warning",
  code: "unhealthyBlue",
  reason: "is not healthy yet",
  meaning:
    "Traefik gives it no requests: Green takes its place as soon as it is healthy, without being compared with it",
  remedy: "wait until it is healthy, so that Green is compared with all of it",
});

export const grafana = service("grafana", {
  replicas: [blue],
  revision: 7,
  callers: ["alertmanager"],
  verdicts: [callers("alertmanager")],
});

export const longName = "a-service-with-quite-a-long-name-that-nobody-would-want-to-type";

/** Besides Grafana, the one that is rolled out: each kind of what the engine says of a service. */
export const others: Service[] = [
  service("prometheus", {
    image: "prom/prometheus:v3.5.0",
    verdicts: [store("prom/prometheus:v3.5.0"), callers("grafana")],
    callers: ["grafana"],
  }),
  service("alertmanager", {
    image: "prom/alertmanager:v0.28.1",
    verdicts: [store("prom/alertmanager:v0.28.1")],
  }),
  service("node-exporter", {
    image: "prom/node-exporter:v1.9.1",
    routes: [],
    replicas: [1, 2, 3].map((number) =>
      replica({
        id: id(`n${number}`),
        name: `monitoring-node-exporter-${number}`,
        number,
        limits: { cpus: null, memory: 96 * M },
      }),
    ),
    desiredReplicas: 3,
    limits: { cpus: null, memory: 96 * M },
    verdicts: [hostAgent],
  }),
  service(longName, {
    image:
      "registry.internal.example.com:5000/platform/observability/exporters/blackbox-exporter:v0.27.0-rc.1",
    health: "starting",
    verdicts: [notHealthyYet],
  }),
  service("karma", {
    image: "ghcr.io/prymitive/karma:v0.121",
    health: "none",
    healthCheck: null,
    verdicts: [noHealthCheck],
  }),
  service("migrate", {
    state: "exited",
    health: "none",
    healthCheck: null,
    replicas: [
      replica({ id: id("e1"), name: "monitoring-migrate-1", state: "exited", exitCode: 0 }),
    ],
    routes: [],
    verdicts: [job],
  }),
];

export const project: Project = fixtures.project({
  name: "monitoring",
  source: monitoring,
  workingDirectory: "/srv/monitoring",
  services: [grafana, ...others],
});

/** The project with Grafana as it is given here. */
export const withGrafana = (over: Partial<Service>): Project => ({
  ...project,
  services: [{ ...grafana, ...over }, ...others],
});

const override = (cpus: string, memory: string) => `services:
  grafana:
    deploy:
      resources:
        limits:
          cpus: "${cpus}"
          memory: ${memory}
    labels:
      - deployment.type=blue-green
`;

const OVERRIDE_FILE = "/srv/monitoring/docker-compose.blue-green.yml";

export const plan: Plan = fixtures.plan({
  id: "5f2b8c01d94e7a36",
  project: "monitoring",
  service: "grafana",
  source: monitoring,
  workingDirectory: "/srv/monitoring",
  blue: [blue],
  overrideFile: OVERRIDE_FILE,
  overrideBefore: override("1", "512M"),
  overrideAfter: override("1.5", "768M"),
  commands: [
    [
      ...["docker", "compose", "-f", "/srv/monitoring/compose.yaml", "-f", OVERRIDE_FILE],
      ...["up", "-d", "--no-deps", "--no-recreate", "--scale", "grafana=2", "grafana"],
    ],
  ],
  differences: [{ what: "environment", before: "", after: "GF_LOG_LEVEL" }],
  traffic: { mode: "steered", traefik: "traefik-1", routes: [route("grafana")] },
  liveUpdate: {
    possible: true,
    recommended: false,
    reason: "Go takes GOMEMLIMIT when it starts: with a new container it does so again",
  },
  bypass: ["alertmanager"],
});
