/** Rollouts of the sample service: what the engine would tell of them, and what is left. */
import type {
  Failure,
  Figures,
  Flow,
  Health,
  LogLine,
  Outcome,
  Phase,
  Receipt,
  Revision,
} from "../src/backend";
import { DEFAULT_OPTIONS, USUAL_HEALTH_TIMEOUT_MS } from "../src/backend";
import * as fixtures from "../src/testing/fixtures";
import type { Said } from "../src/testing/fixtures";
import { M } from "../src/units/limits";
import { after, before, BLUE, green, GREEN, monitoring, plan, withGrafana } from "./data";
import { ago, msAgo, type Use, type World } from "./scene";

/** Requests each second. */
const PACE = DEFAULT_OPTIONS.probe.perSecond;

/** What is told, and how many ms after the rollout or its phase began. */
type Timed = [number, Said];
type Told = Partial<Record<Phase, Timed[]>>;

const figures = (requests: number, p50Ms: number, p99Ms: number, failed = 0): Figures => ({
  requests,
  failed,
  p50Ms,
  p99Ms,
});

export function receipt(requests: number, failed = 0, failures: string[] = []): Receipt {
  const before = Math.round(requests * 0.67);
  const after = Math.min(20, requests - before);
  return fixtures.receipt({
    target: "GET http://grafana.localhost:8000/",
    requests,
    failed,
    worstGapMs: 58.2,
    p50Ms: 4.1,
    p99Ms: 21.3,
    failures,
    before: figures(before, 4.1, 20.2),
    during: figures(requests - before - after, 4.2, 21.3, failed),
    after: figures(after, 3.6, 9.1),
    blue: figures(before, 4.1, 20.2),
    green: figures(Math.round(requests * 0.14), 3.9, 18.8),
    blueTraffic: { connections: 412, bytesReceived: 1.9e6, bytesSent: 16e6 },
    greenTraffic: { connections: 390, bytesReceived: 0.6e6, bytesSent: 5e6 },
    bypass: ["alertmanager"],
  });
}

const timings: [Phase, number][] = [
  ["preparation", 200],
  ["deployGreen", 1100],
  ["healthCheck", 20_300],
  ["verifyTraffic", 6_000],
  ["removeBlue", 2_200],
  ["verification", 900],
];

const ROLLOUT_MS = timings.reduce((sum, [, ms]) => sum + ms, 0);
const startOf = (phase: Phase) =>
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
export function rolling(
  until: Phase | null,
  inside: number,
  events: Told,
  final: Said[] = [],
): Pick<World, "rollouts" | "events" | "usage" | "logs"> {
  const total = until === null ? ROLLOUT_MS : startOf(until) + inside;
  const greenMs = total - GREEN_STARTS;
  const ended = final.some(({ type }) => type === "ended");
  const last = final.map((said): Timed => [total, said]);
  return {
    rollouts: [{ id: "r8", project: "monitoring", service: "grafana", ended }],
    events: [...told(until, events), ...probes(total)]
      .filter(([at]) => at <= total)
      .toSorted(([one], [other]) => one - other)
      .concat(last)
      .map(([elapsedMs, said]) => ({
        ...fixtures.event(elapsedMs, aged(said, greenMs)),
        at: ago(total - elapsedMs),
      })),
    usage: { ...usage, [GREEN]: { ...greenUse, seconds: Math.floor(greenMs / 1000) } },
    logs: [...logs, ...greenLog(greenMs)].toSorted((one, other) => msAgo(other.at) - msAgo(one.at)),
  };
}

/** Green's containers have run since they were started. */
function aged(said: Said, upMs: number): Said {
  if (said.type !== "containers" || said.color !== "green") return said;
  return { ...said, replicas: said.replicas.map((one) => ({ ...one, startedAt: ago(upMs) })) };
}

const DEADLINES: Partial<Record<Phase, number>> = {
  healthCheck: USUAL_HEALTH_TIMEOUT_MS,
  removeBlue: DEFAULT_OPTIONS.drainTimeoutMs,
};

/** What each phase tells, and when; nothing after the phase `until`. */
function told(until: Phase | null, events: Told): Timed[] {
  const all: Timed[] = [[0, { type: "started", project: "monitoring", service: "grafana" }]];
  let at = 0;
  for (const [phase, tookMs] of timings) {
    const deadlineMs = DEADLINES[phase] ?? null;
    all.push([at, { type: "phaseStarted", phase, deadlineMs }]);
    if (phase === "preparation") all.push([at + 150, { type: "planned", plan }]);
    for (const [after, said] of events[phase] ?? []) all.push([at + after, said]);
    if (phase === until) return all;
    at += tookMs;
    all.push([at, { type: "phaseDone", phase, tookMs }]);
  }
  return all;
}

/** The live probe tells each second what it has seen. */
function probes(total: number): Timed[] {
  return Array.from({ length: Math.floor(total / 1000) }, (_, k): Timed => [
    (k + 1) * 1000,
    {
      type: "probe",
      receipt: { ...receipt(PACE * (k + 1)), p99Ms: 14 + 6 * Math.sin(k / 2) + (k % 7) },
    },
  ]);
}

const flow = (connectionsPerSecond: number, inFlight: number): Flow => ({
  inFlight,
  connections: 24,
  connectionsPerSecond,
  bytesReceivedPerSecond: 41_000,
  bytesSentPerSecond: 360_000,
});

const poll = (seconds: number, health: Health, output: string | null = null): Timed => [
  seconds * 1000 + 50,
  { type: "healthPoll", container: GREEN, health, sinceStartMs: seconds * 1000, output },
];
const step = (after: number, phase: Phase, text: string): Timed => [
  after,
  { type: "step", phase, text },
];

export const events: Told = {
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
    [3100, { type: "flow", blue: flow(1.5, 3), green: flow(1.6, 2) }],
    [5900, { type: "answers", blue: 20, green: 20, failed: 0, wanted: 20 }],
  ],
  removeBlue: [
    [100, { type: "split", greenPercent: 100 }],
    step(110, "removeBlue", "Blue ends its requests in flight"),
    [1500, { type: "drain", inFlight: 3, tookMs: 1400 }],
    [1550, { type: "flow", blue: flow(0, 3), green: flow(3.1, 4) }],
  ],
  verification: [
    [10, { type: "containers", color: "blue", replicas: [] }],
    step(20, "verification", "Checking Green’s limits in force"),
  ],
};

export const failedHealth: Told = {
  ...events,
  healthCheck: [
    step(10, "healthCheck", "Waiting until monitoring-grafana-2 is healthy"),
    ...Array.from({ length: 24 }, (_, k) => poll(k * 5, k < 20 ? "starting" : "unhealthy")),
  ],
};
export const failure: Failure = {
  code: "healthTimeout",
  message: "Green did not become healthy within 120 s",
  hint: "look at the probe's output and Green's log; a slow start needs a longer `--health-timeout`",
  container: "monitoring-grafana-2",
  exitCode: 137,
  outOfMemory: true,
  probeOutput: "wget: can't connect to remote host (127.0.0.1): Connection refused",
  log: Array.from(
    { length: 12 },
    (_, k) => `logger=sqlstore level=error msg="database is locked" attempt=${k + 1}`,
  ),
};

const logLine = (container: string, ms: number, text: string): LogLine => ({
  container,
  at: ago(ms),
  stderr: false,
  text,
});
const answered = (path: string) => `logger=context msg="Request Completed" path=${path} status=200`;
const BLUES_LOG: [number, string][] = [
  [31_000, "/api/health"],
  [26_000, "/d/overview"],
  [21_000, "/api/health"],
  [12_000, "/api/search"],
  [9_000, "/d/overview"],
];
export const logs = BLUES_LOG.map(([ms, path]) => logLine(BLUE, ms, answered(path)));

const GREENS_LOG: [number, string][] = [
  [600, 'logger=settings msg="Starting Grafana" version=11.2.0'],
  [1_400, 'logger=migrator msg="migrations completed" performed=0'],
  [19_200, 'logger=http.server msg="HTTP Server Listen" address=[::]:3000'],
  [20_600, answered("/api/health")],
  [21_800, answered("/d/overview")],
  [25_600, answered("/api/search")],
  [28_900, answered("/d/overview")],
];

/** What Green has written in so many ms. */
function greenLog(upMs: number): LogLine[] {
  return GREENS_LOG.filter(([at]) => at <= upMs).map(([at, text]) =>
    logLine(GREEN, upMs - at, text),
  );
}

const greenUse: Use = { cpu: 0.58, memory: 322 * M };
export const usage: Record<string, Use> = {
  [BLUE]: { cpu: 0.62, memory: 401 * M },
  [GREEN]: greenUse,
};

export const past = (number: number, over: Partial<Revision>): Revision =>
  fixtures.revision(number, {
    project: "monitoring",
    workingDirectory: "/srv/monitoring",
    service: "grafana",
    source: monitoring,
    startedAt: ago((9 - number) * 90_000_000),
    endedAt: ago((9 - number) * 90_000_000 - ROLLOUT_MS),
    limitsAfter: before,
    phases: timings.map(([phase, elapsedMs]) => ({ phase, elapsedMs, done: true })),
    receipt: receipt(Math.round((ROLLOUT_MS / 1000) * PACE)),
    ...over,
  });
export const history = [
  past(7, { limitsBefore: { cpus: 0.5, memory: 256 * M } }),
  past(6, {
    outcome: "healthTimeout",
    failure,
    endedAt: ago(3 * 90_000_000 - 121_400),
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

export const ended = (
  outcome: Outcome,
  over: Partial<Extract<Said, { type: "ended" }>> = {},
): Said => ({
  type: "ended",
  outcome,
  failure: null,
  receipt: receipt(Math.round((ROLLOUT_MS / 1000) * PACE)),
  leftBehind: [],
  ...over,
});
export const afterSuccess = {
  ...withGrafana({ replicas: [green("healthy", 40_000)], limits: after, revision: 8 }),
  overrideFile: plan.overrideFile,
};
