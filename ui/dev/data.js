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
  probe: { enabled: true, path: null, perSecond: 20, expectStatus: null },
};

export const plan = {
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
  verdicts: [],
  options,
};

export const receipt = (requests, failed = 0, failures = []) => ({
  target: "GET http://grafana.localhost:8000/",
  requests,
  failed,
  worstGapMs: 38.2,
  p50Ms: 4.1,
  p99Ms: 21.3,
  failures,
  unasked: null,
  expectedStatus: 200,
  before: figures(Math.round(requests * 0.42), 4.1, 20.2),
  during: figures(Math.round(requests * 0.55), 4.2, 21.3, failed),
  after: figures(requests === 0 ? 0 : 20, 3.6, 9.1),
  blue: figures(Math.round(requests * 0.5), 4.1, 20.7),
  green: figures(Math.round(requests * 0.31), 3.9, 18.8),
  blueTraffic: { requests: 51_204, connections: 412, bytesReceived: 9.4e6, bytesSent: 84e6 },
  greenTraffic: { requests: 48_911, connections: 390, bytesReceived: 8.8e6, bytesSent: 79e6 },
  cut: 0,
  unpromised: [],
  bypass: ["alertmanager"],
});
function figures(requests, p50Ms, p99Ms, failed = 0) {
  return { requests, failed, p50Ms, p99Ms };
}

export const timings = [
  ["preparation", 200],
  ["deployGreen", 1100],
  ["healthCheck", 20_300],
  ["verifyTraffic", 6_000],
  ["removeBlue", 4_200],
  ["verification", 900],
];

/** The events of a rollout that has come to `until`, and `later` more inside that phase. */
export function rollout(until, inside, events, final = []) {
  const told = [];
  let at = 0;
  const total = timings
    .slice(
      0,
      timings.findIndex(([name]) => name === until),
    )
    .reduce((sum, [, ms]) => sum + ms, inside);
  const tell = (elapsedMs, event) =>
    told.push({ rollout: "r8", at: { ago: total - elapsedMs }, elapsedMs, ...event });
  tell(0, { type: "started", project: "monitoring", service: "grafana" });
  for (const [phase, tookMs] of timings) {
    tell(at, {
      type: "phaseStarted",
      phase,
      deadlineMs: phase === "healthCheck" ? 120_000 : phase === "removeBlue" ? 30_000 : null,
    });
    if (phase === "preparation") tell(at + 150, { type: "planned", plan });
    for (const [after, event] of events[phase] ?? []) tell(at + after, event);
    if (phase === until) {
      for (const event of final) tell(at + inside, event);
      return told;
    }
    at += tookMs;
    tell(at, { type: "phaseDone", phase, tookMs });
  }
  for (const event of final) tell(at, event);
  return told;
}

export const flow = (requestsPerSecond, inFlight) => ({
  inFlight,
  connections: 24,
  requestsPerSecond,
  connectionsPerSecond: 1.5,
  bytesReceivedPerSecond: 41_000,
  bytesSentPerSecond: 360_000,
});

export const poll = (seconds, health, output = null) => [
  seconds * 1000 + 50,
  { type: "healthPoll", container: GREEN, health, sinceStartMs: seconds * 1000, output },
];
export const step = (after, phase, sentence) => [after, { type: "step", phase, text: sentence }];
export const probes = (n) =>
  Array.from({ length: n }, (_, k) => [
    k * 180,
    { type: "probe", receipt: { ...receipt(90 * k), p99Ms: 14 + 6 * Math.sin(k / 2) + (k % 7) } },
  ]);

export const events = {
  deployGreen: [
    step(10, "deployGreen", "Compose creates 1 container for Green"),
    [900, { type: "containers", color: "green", replicas: [green("starting")] }],
    [950, { type: "split", greenPercent: 0 }],
  ],
  healthCheck: [
    step(10, "healthCheck", "Waiting until monitoring-grafana-2 is healthy"),
    poll(0, "starting"),
    poll(5, "starting"),
    poll(10, "starting"),
    poll(15, "starting"),
    poll(20, "healthy"),
    [20_250, { type: "containers", color: "green", replicas: [green("healthy")] }],
  ],
  verifyTraffic: [
    [100, { type: "split", greenPercent: 50 }],
    step(110, "verifyTraffic", "Both answer through Traefik; counting good answers"),
    ...probes(19),
    [3000, { type: "answers", blue: 18, green: 17, failed: 0, wanted: 20 }],
    [3100, { type: "flow", blue: flow(204, 3), green: flow(208, 2) }],
  ],
  removeBlue: [
    [100, { type: "split", greenPercent: 100 }],
    step(110, "removeBlue", "Blue ends its requests in flight"),
    [1500, { type: "drain", inFlight: 3, tookMs: 1400 }],
    [1550, { type: "flow", blue: flow(0, 3), green: flow(411, 4) }],
  ],
  verification: [
    [10, { type: "containers", color: "blue", replicas: [] }],
    step(20, "verification", "Checking Green’s limits in force"),
  ],
};

export const failedHealth = {
  ...events,
  healthCheck: [
    step(10, "healthCheck", "Waiting until monitoring-grafana-2 is healthy"),
    ...Array.from({ length: 24 }, (_, k) => poll(k * 5, k < 20 ? "starting" : "unhealthy")),
  ],
};
export const failure = {
  code: "healthTimeout",
  message: "Green was not healthy within 120 s: monitoring-grafana-2 is unhealthy",
  hint: "Look at the probe and the log below; a start that takes longer needs a longer health timeout",
  container: "monitoring-grafana-2",
  exitCode: 137,
  outOfMemory: true,
  probeOutput: "wget: can't connect to remote host (127.0.0.1): Connection refused",
  log: Array.from(
    { length: 12 },
    (_, k) =>
      `logger=sqlstore level=error msg="database is locked" attempt=${k + 1} <b>not bold</b>`,
  ),
};

export const logs = [
  [GREEN, 23_000, 'logger=settings msg="Starting Grafana" version=11.2.0'],
  [GREEN, 22_000, 'logger=migrator msg="migrations completed" performed=0'],
  [BLUE, 21_000, 'logger=context msg="Request Completed" status=200'],
  [GREEN, 3_000, 'logger=http.server msg="HTTP Server Listen" address=[::]:3000'],
  [GREEN, 1_000, 'logger=context msg="Request Completed" status=200'],
].map(([container, ago, line]) => ({ container, at: { ago }, stderr: false, text: line }));

export const past = (revision, over) => ({
  revision,
  rollout: `r${revision}`,
  engine: "engine",
  project: "monitoring",
  workingDirectory: "/srv/monitoring",
  service: "grafana",
  source: monitoring,
  startedAt: { ago: (9 - revision) * 90_000_000 },
  endedAt: { ago: (9 - revision) * 90_000_000 - 31_700 },
  origin: "window",
  toRevision: null,
  limitsBefore: before,
  limitsAfter: before,
  imageBefore: null,
  imageAfter: null,
  phases: timings.map(([phase, elapsedMs]) => ({ phase, elapsedMs, done: true })),
  outcome: "success",
  failure: null,
  receipt: receipt(4812),
  ...over,
});
export const history = [
  past(7, { limitsBefore: { cpus: 0.5, memory: 256 * M } }),
  past(6, {
    outcome: "healthTimeout",
    failure,
    phases: timings.slice(0, 3).map(([phase, elapsedMs], k) => ({ phase, elapsedMs, done: k < 2 })),
    receipt: receipt(2400, 2),
  }),
  past(5, {
    limitsBefore: { cpus: 0.25, memory: 256 * M },
    limitsAfter: { cpus: 0.5, memory: 256 * M },
    origin: "terminal",
  }),
  past(2, { outcome: "aborted", receipt: null }),
  past(1, {
    rollout: null,
    outcome: null,
    origin: null,
    phases: [],
    receipt: null,
    limitsAfter: { cpus: 0.25, memory: 256 * M },
  }),
];

export const summary = (name, running, total, over = {}) => ({
  name,
  source: source(`/srv/${name}/compose.yaml`),
  workingDirectory: `/srv/${name}`,
  running,
  total,
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
  recent: [{ name: "playground", source: source("/home/ada/playground/compose.yml") }],
  rollouts: [],
  project,
  plan,
  history,
  logs,
  usage: {
    [BLUE]: { cpu: 0.62, memory: 401 * M },
    [GREEN]: { cpu: 0.58, memory: 322 * M, seconds: 22 },
  },
  startup: monitoring,
};
export const info = (ended) => [{ id: "r8", project: "monitoring", service: "grafana", ended }];
export const ended = (outcome, over = {}) => ({
  type: "ended",
  outcome,
  failure: null,
  receipt: receipt(4812),
  leftBehind: [],
  ...over,
});
export const afterSuccess = {
  ...project,
  overrideFile: plan.overrideFile,
  services: [
    { ...services[0], replicas: [green("healthy", 40_000)], limits: after, revision: 8 },
    ...services.slice(1),
  ],
};
