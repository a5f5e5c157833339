/** What the desktop program would answer: the parts that the scenes are made of. */
export const M = 1024 * 1024;
export const G = 1024 * M;
export const id = (seed) => seed.repeat(64).slice(0, 64);
export const BLUE = id("b1");
export const GREEN = id("97ee");
export const before = { cpus: 1, memory: 512 * M };
export const after = { cpus: 1.5, memory: 768 * M };
export const source = (...files) => ({
  files,
  envFiles: [],
  profiles: [],
  projectName: null,
  projectDirectory: null,
});
export const monitoring = source("/srv/monitoring/compose.yaml");

export const engine = {
  id: "engine",
  name: "desktop-linux",
  version: "28.2",
  apiVersion: "1.50",
  composeVersion: "2.39.1",
  cpus: 4,
  memory: 16 * G,
};

export const replica = (over) => ({
  id: BLUE,
  name: "monitoring-grafana-1",
  number: 1,
  state: "running",
  health: "healthy",
  limits: before,
  startedAt: { ago: 3 * 86_400_000 },
  imageId: "sha256:5f1c2ab04d",
  rollout: null,
  ...over,
});
export const blue = replica({});
export const green = (health, ago = 24_000, over = {}) =>
  replica({
    id: GREEN,
    name: "monitoring-grafana-2",
    number: 2,
    health,
    limits: after,
    startedAt: { ago },
    rollout: "r8",
    ...over,
  });

export const route = (name) => ({
  router: name,
  rule: `Host(\`${name}.localhost\`)`,
  entryPoints: ["web"],
  tls: false,
  url: `http://${name}.localhost:8000/`,
});

export const service = (name, over = {}) => ({
  name,
  offProfiles: [],
  image: `registry.example.com/${name}:11.2.0`,
  state: "running",
  health: "healthy",
  desiredReplicas: 1,
  replicas: [replica({ id: id(name), name: `monitoring-${name}-1` })],
  fileLimits: before,
  limits: before,
  reservations: { cpus: null, memory: 128 * M },
  keyFamily: "deploy",
  healthCheck: {
    test: ["CMD", "true"],
    intervalMs: 5000,
    timeoutMs: 2000,
    startPeriodMs: 0,
    startIntervalMs: null,
    retries: 3,
  },
  ports: [],
  volumes: [],
  routes: [route(name)],
  callers: [],
  verdicts: [],
  readiness: over.verdicts?.some(({ level }) => level !== "warning") ? "readyAfterFix" : "ready",
  drift: null,
  applied: [],
  revision: null,
  ...over,
});

export const verdict = (level, code, reason, remedy, over = {}) => ({
  level,
  code,
  readiness: level === "warning" ? "ready" : "readyAfterFix",
  reason,
  meaning: "",
  remedy,
  fix: null,
  ...over,
});

export const services = [
  service("grafana", { replicas: [blue], revision: 7, callers: ["alertmanager"] }),
  service("prometheus", {
    image: "prom/prometheus:v3.5.0",
    verdicts: [
      verdict(
        "needsforce",
        "sharedVolume",
        "shares the volume data with Green",
        "mount it read-only, or force",
      ),
      verdict("warning", "callers", "grafana calls it by name", "those requests bypass Traefik"),
    ],
  }),
  service("alertmanager", {
    health: "none",
    verdicts: [
      verdict("needsforce", "noHealthCheck", "has no health check", "add a healthcheck, or force"),
    ],
  }),
  service("node-exporter", {
    image: "prom/node-exporter:v1.9.1",
    routes: [],
    replicas: [1, 2, 3].map((number) =>
      replica({ id: id(`n${number}`), number, limits: { cpus: null, memory: 64 * M } }),
    ),
    desiredReplicas: 3,
    limits: { cpus: null, memory: 64 * M },
    verdicts: [
      verdict(
        "refused",
        "hostPort",
        "publishes host port 9100",
        "remove the port, Traefik can route it",
      ),
    ],
  }),
  service("a-service-with-quite-a-long-name-that-nobody-would-want-to-type", {
    image:
      "registry.internal.example.com:5000/platform/observability/exporters/blackbox-exporter:v0.27.0-rc.1",
    health: "starting",
  }),
  service("migrate", {
    state: "exited",
    health: "none",
    replicas: [],
    routes: [],
    verdicts: [verdict("refused", "oneShot", "ran once and ended", "nothing to roll")],
  }),
];

export const project = {
  name: "monitoring",
  source: monitoring,
  workingDirectory: "/srv/monitoring",
  services,
  traefik: { container: id("f"), version: "3.7", addresses: ["localhost:8000"], api: true },
  overrideFile: null,
  notices: [],
};

export const text = (cpus, memory) => `services:
  grafana:
    deploy:
      resources:
        limits:
          cpus: "${cpus}"
          memory: ${memory}
    labels:
      - deployment.type=blue-green
`;

export const options = {
  healthTimeoutMs: 120_000,
  pollIntervalMs: 5_000,
  drainTimeoutMs: 30_000,
  force: false,
  noRollback: false,
  answers: 20,
  steps: [50, 100],
  maxErrorPercent: 0,
  maxSlowdown: 4,
  probe: { enabled: true, path: null, perSecond: 10, expectStatus: null },
};

export const plan = {
  id: "5f2b8c01d94e7a36",
  project: "monitoring",
  service: "grafana",
  source: monitoring,
  workingDirectory: "/srv/monitoring",
  revision: 8,
  revisionBefore: 7,
  toRevision: null,
  limitsBefore: before,
  limitsAfter: after,
  blue: [blue],
  overrideFile: "/srv/monitoring/docker-compose.blue-green.yml",
  overrideBefore: text("1", "512M"),
  overrideAfter: text("1.5", "768M"),
  commands: [
    [
      "docker",
      "compose",
      "-f",
      "/srv/monitoring/compose.yaml",
      "-f",
      "/srv/monitoring/docker-compose.blue-green.yml",
      "up",
      "-d",
      "--no-deps",
      "--no-recreate",
      "--scale",
      "grafana=2",
      "grafana",
    ],
  ],
  differences: [{ what: "environment", before: "", after: "GF_LOG_LEVEL" }],
  traffic: { mode: "steered", traefik: "traefik-1", routes: [route("grafana")] },
  limitsReason: null,
  restoredFrom: null,
  liveUpdate: {
    possible: true,
    recommended: false,
    reason: "the runtime sizes itself at start (GOMEMLIMIT): a new container is needed to use more",
  },
  unpromised: [],
  bypass: ["alertmanager"],
  keptVolumes: [],
  verdicts: [],
  options,
};
