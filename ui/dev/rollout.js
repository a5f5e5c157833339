/** Rollouts of the sample service: what the engine would tell of them, and what is left. */
import {
  after,
  before,
  BLUE,
  green,
  GREEN,
  M,
  monitoring,
  plan,
  project,
  services,
} from "./data.js";

/** Requests each second. */
const PACE = plan.options.probe.perSecond;

export const receipt = (requests, failed = 0, failures = []) => {
  const before = Math.round(requests * 0.67);
  const after = Math.min(20, requests - before);
  return {
    target: "GET http://grafana.localhost:8000/",
    requests,
    failed,
    worstGapMs: 58.2,
    p50Ms: 4.1,
    p99Ms: 21.3,
    failures,
    unproved: null,
    unasked: null,
    expectedStatus: 200,
    before: figures(before, 4.1, 20.2),
    during: figures(requests - before - after, 4.2, 21.3, failed),
    after: figures(after, 3.6, 9.1),
    blue: figures(before, 4.1, 20.2),
    green: figures(Math.round(requests * 0.14), 3.9, 18.8),
    blueTraffic: { requests: 9_870, connections: 412, bytesReceived: 1.9e6, bytesSent: 16e6 },
    greenTraffic: { requests: 2_911, connections: 390, bytesReceived: 0.6e6, bytesSent: 5e6 },
    cut: 0,
    closed: 0,
    left: [],
    unpromised: [],
    bypass: ["alertmanager"],
    keptVolumes: [],
  };
};
function figures(requests, p50Ms, p99Ms, failed = 0) {
  return { requests, failed, p50Ms, p99Ms };
}

export const timings = [
  ["preparation", 200],
  ["deployGreen", 1100],
  ["healthCheck", 20_300],
  ["verifyTraffic", 6_000],
  ["removeBlue", 2_200],
  ["verification", 900],
];

const ROLLOUT_MS = timings.reduce((sum, [, ms]) => sum + ms, 0);
const startOf = (phase) =>
  timings
    .slice(
      0,
      timings.findIndex(([name]) => name === phase),
    )
    .reduce((sum, [, ms]) => sum + ms, 0);
/** When Green's container starts, in ms since the rollout began. */
const GREEN_STARTS = startOf("deployGreen") + 900;

/**
 * The window while a rollout has come `inside` ms into the phase `until`: what was told until then,
 * `final` last, and what Green has used and written since it started.
 */
export function rolling(until, inside, events, final = []) {
  const total = until === null ? ROLLOUT_MS : startOf(until) + inside;
  const greenMs = total - GREEN_STARTS;
  return {
    rollouts: info(final.some(({ type }) => type === "ended")),
    events: [...told(until, inside, events), ...probes(total)]
      .filter(([at]) => at <= total)
      .toSorted(([one], [other]) => one - other)
      .concat(final.map((event) => [total, event]))
      .map(([elapsedMs, event]) => ({
        rollout: "r8",
        at: { ago: total - elapsedMs },
        elapsedMs,
        ...event,
        ...(event.color === "green" && event.replicas && { replicas: aged(event, greenMs) }),
      })),
    usage: {
      ...usage,
      [GREEN]: { ...usage[GREEN], seconds: Math.floor(greenMs / 1000) },
    },
    logs: [...logs, ...greenLog(greenMs)].toSorted((one, other) => other.at.ago - one.at.ago),
  };
}

const aged = ({ replicas }, ago) => replicas.map((one) => ({ ...one, startedAt: { ago } }));

/** What each phase tells, and when; nothing after the phase `until`. */
function told(until, inside, events) {
  const all = [[0, { type: "started", project: "monitoring", service: "grafana" }]];
  let at = 0;
  for (const [phase, tookMs] of timings) {
    const deadlineMs = phase === "healthCheck" ? 120_000 : phase === "removeBlue" ? 30_000 : null;
    all.push([at, { type: "phaseStarted", phase, deadlineMs }]);
    if (phase === "preparation") all.push([at + 150, { type: "planned", plan }]);
    for (const [after, event] of events[phase] ?? []) all.push([at + after, event]);
    if (phase === until) return all;
    at += tookMs;
    all.push([at, { type: "phaseDone", phase, tookMs }]);
  }
  return all;
}

/** The live probe tells each second what it has seen. */
function probes(total) {
  return Array.from({ length: Math.floor(total / 1000) }, (_, k) => [
    (k + 1) * 1000,
    {
      type: "probe",
      receipt: { ...receipt(PACE * (k + 1)), p99Ms: 14 + 6 * Math.sin(k / 2) + (k % 7) },
    },
  ]);
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
    [3000, { type: "answers", blue: 18, green: 17, failed: 0, wanted: 20 }],
    [3100, { type: "flow", blue: flow(204, 3), green: flow(208, 2) }],
    [5900, { type: "answers", blue: 20, green: 20, failed: 0, wanted: 20 }],
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
    (_, k) => `logger=sqlstore level=error msg="database is locked" attempt=${k + 1}`,
  ),
};

const logLine = (container, ago, text) => ({ container, at: { ago }, stderr: false, text });
const answered = (path) => `logger=context msg="Request Completed" path=${path} status=200`;
/** Of Blue. */
export const logs = [
  [31_000, "/api/health"],
  [26_000, "/d/overview"],
  [21_000, "/api/health"],
  [12_000, "/api/search"],
  [9_000, "/d/overview"],
].map(([ago, path]) => logLine(BLUE, ago, answered(path)));

/** What Green has written in so many ms. */
function greenLog(upMs) {
  return [
    [600, 'logger=settings msg="Starting Grafana" version=11.2.0'],
    [1_400, 'logger=migrator msg="migrations completed" performed=0'],
    [19_200, 'logger=http.server msg="HTTP Server Listen" address=[::]:3000'],
    [20_600, answered("/api/health")],
    [21_800, answered("/d/overview")],
    [25_600, answered("/api/search")],
    [28_900, answered("/d/overview")],
  ]
    .filter(([at]) => at <= upMs)
    .map(([at, text]) => logLine(GREEN, upMs - at, text));
}

export const usage = {
  [BLUE]: { cpu: 0.62, memory: 401 * M },
  [GREEN]: { cpu: 0.58, memory: 322 * M },
};

export const past = (revision, over) => ({
  revision,
  rollout: `r${revision}`,
  engine: "engine",
  project: "monitoring",
  workingDirectory: "/srv/monitoring",
  service: "grafana",
  source: monitoring,
  startedAt: { ago: (9 - revision) * 90_000_000 },
  endedAt: { ago: (9 - revision) * 90_000_000 - ROLLOUT_MS },
  origin: "window",
  toRevision: null,
  limitsBefore: before,
  limitsAfter: before,
  imageBefore: null,
  imageAfter: null,
  phases: timings.map(([phase, elapsedMs]) => ({ phase, elapsedMs, done: true })),
  outcome: "success",
  failure: null,
  receipt: receipt(Math.round((ROLLOUT_MS / 1000) * PACE)),
  ...over,
});
export const history = [
  past(7, { limitsBefore: { cpus: 0.5, memory: 256 * M } }),
  past(6, {
    outcome: "healthTimeout",
    failure,
    endedAt: { ago: 3 * 90_000_000 - 121_400 },
    phases: timings.slice(0, 3).map(([phase, elapsedMs], k) => ({
      phase,
      elapsedMs: k < 2 ? elapsedMs : 120_000,
      done: k < 2,
    })),
    receipt: receipt(1_214),
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

export const info = (ended) => [{ id: "r8", project: "monitoring", service: "grafana", ended }];
export const ended = (outcome, over = {}) => ({
  type: "ended",
  outcome,
  failure: null,
  receipt: receipt(Math.round((ROLLOUT_MS / 1000) * PACE)),
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
