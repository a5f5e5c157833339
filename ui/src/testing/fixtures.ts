/** Services, plans and events as the engine would tell them, for tests and for the scenes of dev/. */
import type {
  EngineInfo,
  Event,
  Failure,
  Plan,
  Project,
  ProjectSource,
  ProjectSummary,
  Receipt,
  Replica,
  Revision,
  Service,
} from "../backend";
import { DEFAULT_OPTIONS } from "../backend";
import { emptyRollout, fold, type RolloutView } from "../rollout/rollout";
import { G, M } from "../units/limits";

export const before = { cpus: 1, memory: 512 * M };
export const after = { cpus: 1.5, memory: 768 * M };

export const source: ProjectSource = {
  files: ["/srv/shop/compose.yaml"],
  envFiles: [],
  profiles: [],
  projectName: null,
  projectDirectory: null,
};

export const engine: EngineInfo = {
  id: "engine",
  name: "here",
  version: "28.2",
  apiVersion: "1.50",
  composeVersion: "2.39.1",
  cpus: 4,
  memory: 16 * G,
  noCpuLimits: null,
  noMemoryLimits: null,
};

export function replica(over: Partial<Replica> = {}): Replica {
  return {
    id: "blue-1",
    name: "shop-web-1",
    number: 1,
    state: "running",
    exitCode: null,
    health: "healthy",
    limits: before,
    startedAt: "2026-11-24T06:00:00Z",
    imageId: "sha256:1",
    rollout: null,
    ...over,
  };
}

export const green = replica({ id: "green-1", name: "shop-web-2", number: 2, limits: after });

export function service(over: Partial<Service> = {}): Service {
  return {
    edge: false,
    name: "web",
    offProfiles: [],
    image: "web:1",
    state: "running",
    health: "healthy",
    desiredReplicas: 1,
    replicas: [replica()],
    fileLimits: before,
    limits: before,
    reservations: { cpus: null, memory: null },
    keyFamily: "deploy",
    healthCheck: null,
    ports: [],
    volumes: [],
    routes: [
      { router: "web", rule: "PathPrefix(`/`)", entryPoints: ["web"], tls: false, url: null },
    ],
    callers: [],
    readiness: "ready",
    verdicts: [],
    revision: 7,
    drift: null,
    applied: [],
    ...over,
  };
}

export function project(over: Partial<Project> = {}): Project {
  return {
    name: "shop",
    source,
    workingDirectory: "/srv/shop",
    services: [service()],
    traefik: { container: "t", version: "3.7", addresses: ["localhost:8000"], api: true },
    overrideFile: null,
    notices: [],
    ...over,
  };
}

/** The project in the list of those on the engine. */
export const summary: ProjectSummary = {
  name: "shop",
  source,
  workingDirectory: "/srv/shop",
  running: 1,
  total: 1,
  completed: 0,
  unhealthy: false,
  filesExist: true,
};

export function plan(over: Partial<Plan> = {}): Plan {
  return {
    id: "0123456789abcdef",
    project: "shop",
    service: "web",
    source,
    workingDirectory: "/srv/shop",
    revision: 8,
    revisionBefore: 7,
    toRevision: null,
    limitsBefore: before,
    limitsAfter: after,
    fileLimits: before,
    limitsReason: null,
    liveUpdate: { possible: false, recommended: false, reason: "" },
    blue: [replica()],
    replicas: 1,
    image: null,
    attachments: [],
    overrideFile: "/srv/shop/docker-compose.blue-green.yml",
    overrideBefore: 'cpus: "1"\n',
    overrideAfter: 'cpus: "1.5"\n',
    restoredFrom: null,
    commands: [["docker", "compose", "up"]],
    differences: [],
    traffic: { mode: "steered", traefik: "traefik-1", routes: [] },
    handover: null,
    unpromised: [],
    bypass: [],
    keptVolumes: [],
    notices: [],
    verdicts: [],
    options: DEFAULT_OPTIONS,
    ...over,
  };
}

export const failure: Failure = {
  code: "unhealthy",
  message: "`shop-web-2` is unhealthy",
  hint: "look at its log",
  container: "shop-web-2",
  exitCode: 3,
  outOfMemory: true,
  probeOutput: "connection refused",
  log: ["starting", "<img src=x onerror=alert(1)>"],
};

export function receipt(over: Partial<Receipt> = {}): Receipt {
  return {
    target: "GET http://localhost:8000/",
    unasked: null,
    expectedStatus: 200,
    handover: null,
    limited: 0,
    requests: 4812,
    failed: 0,
    worstGapMs: 38,
    p50Ms: 4,
    p99Ms: 21,
    failures: [],
    unproved: null,
    before: { requests: 300, failed: 0, p50Ms: 4, p99Ms: 20 },
    during: { requests: 4492, failed: 0, p50Ms: 4, p99Ms: 21 },
    after: { requests: 20, failed: 0, p50Ms: 3, p99Ms: 9 },
    blue: { requests: 2810, failed: 0, p50Ms: 4, p99Ms: 21 },
    green: { requests: 1800, failed: 0, p50Ms: 3, p99Ms: 19 },
    blueTraffic: { connections: 120, bytesReceived: 9e5, bytesSent: 4e6 },
    greenTraffic: { connections: 90, bytesReceived: 7e5, bytesSent: 3e6 },
    cut: 0,
    closed: 0,
    left: [],
    unpromised: [],
    bypass: [],
    keptVolumes: [],
    ...over,
  };
}

export function revision(number: number, over: Partial<Revision> = {}): Revision {
  return {
    revision: number,
    rollout: `r${number}`,
    kind: "rollout",
    engine: "engine",
    project: "shop",
    workingDirectory: "/srv/shop",
    service: "web",
    source,
    startedAt: "2026-11-24T06:00:00Z",
    endedAt: "2026-11-24T06:00:30Z",
    origin: "window",
    toRevision: null,
    limitsBefore: before,
    limitsAfter: after,
    fileLimits: null,
    imageBefore: null,
    imageAfter: null,
    phases: [],
    outcome: "success",
    failure: null,
    receipt: null,
    ...over,
  };
}

/** What an event says, without the rollout's id and the clocks. */
export type Said = Event extends infer E
  ? E extends Event
    ? Omit<E, "rollout" | "at" | "elapsedMs">
    : never
  : never;

const BEGAN = Date.parse("2026-11-24T07:00:00Z");

export function event(elapsedMs: number, said: Said): Event {
  const at = new Date(BEGAN + elapsedMs).toISOString();
  return { rollout: "r8", at, elapsedMs, ...said } as Event;
}

/** The view after these events, a second apart. */
export function rolled(...said: Said[]): RolloutView {
  return said.reduce(
    (view, one, n) => fold(view, event(n * 1000, one)),
    emptyRollout("r8", "shop", "web"),
  );
}
