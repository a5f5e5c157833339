/** The states of the window that are looked at. */
import type { Page } from "playwright-core";

import type { Caller, CommandError, Failure } from "../src/backend";
import { base } from "./base";
import {
  after,
  callers,
  grafana,
  longName,
  noHealthCheck,
  notCreated,
  others,
  plan,
  project,
  verdict,
} from "./data";
import { drifted, hostPort, madeReady, unready, verdicts } from "./files";
import {
  afterSuccess,
  ended,
  events,
  failedHealth,
  failure,
  history,
  past,
  receipt,
  rolling,
} from "./rollout";
import type { Scene } from "./scene";

const openService = async (page: Page) => {
  await page.click('[data-testid="service-row-grafana"]');
  await page.waitForSelector('[data-testid="state-chip"]');
};
const edit = async (page: Page) => {
  await openService(page);
  await page.fill('[data-testid="cpu-field"]', "1.5");
  await page.fill('[data-testid="memory-field"]', "768M");
  await page.waitForSelector('[data-testid="plan-diff"]');
};

const openSheet = (button: string, sheet: string, ready: string) => async (page: Page) => {
  await openService(page);
  await page.click(`[data-testid="${button}"]`);
  await page.waitForSelector(`[data-testid="${sheet}"] [data-testid="${ready}"]:enabled`);
};

const badAnswers: Failure = {
  ...failure,
  code: "traffic",
  message: "Green answered 3 of 20 requests with 502",
  hint: "look at Traefik's log and at the service's routes",
  exitCode: null,
  outOfMemory: false,
  probeOutput: null,
  log: ['<b>not bold</b> level=error msg="upstream closed the connection"'],
};

const proxy: Caller = {
  container: "monitoring-proxy-1",
  project: "monitoring",
  service: "proxy",
  addresses: ["172.20.0.5"],
  program: "nginx",
  resolvesOnce: true,
  reload: "docker exec monitoring-proxy-1 nginx -s reload",
  isSilent: false,
};
const stillCalled: Failure = {
  ...badAnswers,
  code: "stillCalled",
  message:
    "Blue is still called: `monitoring-proxy-1` (service `proxy`, nginx) looked the service's name up once, at its start, and still calls Blue",
  hint: "deploy again, and run `docker exec monitoring-proxy-1 nginx -s reload` as soon as Teal names the caller: while both sets run it learns of both",
  log: [],
};

const failed = (over: Pick<CommandError, "code" | "message"> & Partial<CommandError>) => ({
  reject: { hint: null, causes: [], ...over },
});

export const scenes: Record<string, Scene> = {
  first: { ...base, startup: null, projects: [], recent: [] },
  start: { ...base, startup: null },
  loading: { ...base, project: "never" },
  "no-engine": {
    ...base,
    engine: failed({
      code: "noEngine",
      message: "no Docker engine answers at `unix:///var/run/docker.sock`",
      hint: "start Docker (`systemctl start docker`, or Docker Desktop), or check `DOCKER_HOST`",
      causes: ["connection refused (os error 111)"],
    }),
  },
  "project-failed": {
    ...base,
    project: failed({
      code: "projectInvalid",
      message:
        "Compose can't read the project: error while interpolating services.web.environment.TOKEN: required variable TOKEN is missing a value: set it in .env",
    }),
  },
  project: base,
  "project-stopped": {
    ...base,
    projects: base.projects.filter(({ name }) => name !== project.name),
    project: {
      ...project,
      traefik: null,
      // What keeps it from starting twice is known without a container.
      services: [grafana, ...others].slice(0, 3).map((one) => ({
        ...one,
        state: null,
        health: "none" as const,
        replicas: [],
        revision: null,
        routes: [],
        verdicts: [notCreated(one.name), ...one.verdicts],
        readiness: one.readiness === "ready" ? ("readyAfterFix" as const) : one.readiness,
      })),
    },
  },
  interrupted: {
    ...base,
    interrupted: [
      {
        rollout: "r8",
        project: "monitoring",
        service: "grafana",
        source: project.source,
        startedAt: "2026-01-02T03:04:05Z",
        phase: "removeBlue",
        greenPercent: 0,
        limitsBefore: plan.limitsBefore,
        limitsAfter: plan.limitsAfter,
        canRollBack: true,
      },
    ],
    act: openService,
  },
  "engine-too-old": {
    ...base,
    engine: failed({
      code: "engineTooOld",
      message: "the Docker engine is too old: API 1.38, needed is 1.41",
      hint: "update Docker to 20.10 or newer",
    }),
  },
  "no-compose": {
    ...base,
    engine: failed({
      code: "noCompose",
      message: "Docker Compose was not found",
      hint: "install the plugin `docker-compose-plugin`, or put `docker-compose` on the `PATH`",
    }),
  },
  "project-empty": { ...base, project: { ...project, services: [], traefik: null } },
  "many-services": {
    ...base,
    project: {
      ...project,
      services: Array.from({ length: 200 }, (_, n) => ({
        ...(project.services[n % project.services.length] ?? grafana),
        name: `worker-${String(n + 1).padStart(3, "0")}`,
      })),
    },
  },
  "long-names": {
    ...base,
    act: async (page) => {
      await page.click(`[data-testid="service-row-${longName}"]`);
      await page.waitForSelector('[data-testid="state-chip"]');
    },
  },
  "lost-connection": {
    ...base,
    ...rolling("verifyTraffic", 3_400, events),
    act: async (page) => {
      await openService(page);
      await page.evaluate(() => window.loseEngine());
      await page.waitForSelector('[data-testid="engine-gone"]');
    },
  },
  idle: { ...base, act: openService },
  edited: { ...base, act: edit },
  refused: {
    ...base,
    plan: {
      ...plan,
      verdicts: [
        hostPort,
        noHealthCheck,
        verdict({
          level: "warning",
          code: "limitBelowUse",
          reason: "a container uses 801M now, more than the new limit of 768M",
          meaning:
            "Green starts afresh and may need less; where it needs as much, the kernel kills it",
          remedy: "leave some room above what is in use",
        }),
        callers("alertmanager"),
      ],
    },
    act: async (page) => {
      await edit(page);
      await page.fill('[data-testid="cpu-field"]', "9");
      await page.click("text=Options");
    },
  },
  unready: {
    ...base,
    project: unready,
    plan: { ...plan, verdicts, traffic: { mode: "unsteered", reason: "no Traefik leads to it" } },
    act: openService,
  },
  "make-ready": {
    ...base,
    project: unready,
    plan: { ...plan, verdicts },
    act: openSheet("make-ready", "ready-sheet", "ready-apply"),
  },
  "made-ready": { ...base, project: madeReady, act: openService },
  drifted: { ...base, project: drifted, act: openService },
  keep: {
    ...base,
    project: drifted,
    act: openSheet("keep-button", "keep-sheet", "keep-apply"),
  },
  "follow-files": {
    ...base,
    project: drifted,
    act: async (page) => {
      await openService(page);
      await page.click('[data-testid="follow-files"]');
      await page.waitForSelector('[data-testid="proposal-confirm"]:enabled');
    },
  },
  options: {
    ...base,
    act: async (page) => {
      await edit(page);
      await page.click("text=Options");
      await page.locator('[data-testid="options"]').scrollIntoViewIfNeeded();
    },
  },
  shortcuts: {
    ...base,
    act: async (page) => {
      await page.keyboard.press("?");
      await page.waitForSelector('[data-testid="shortcuts"]');
    },
  },
  health: {
    ...base,
    ...rolling("healthCheck", 12_000, events),
    act: openService,
  },
  traffic: {
    ...base,
    ...rolling("verifyTraffic", 3_400, events),
    act: openService,
  },
  drain: {
    ...base,
    ...rolling("removeBlue", 1_600, events),
    act: async (page) => {
      await openService(page);
      await page.click('[data-testid="tab-events"]');
    },
  },
  "rolling-back": {
    ...base,
    ...rolling("verifyTraffic", 3_400, events, [
      { type: "rollingBack", reason: "aborted in the window" },
      { type: "split", greenPercent: 0 },
    ]),
    act: openService,
  },
  succeeded: {
    ...base,
    project: afterSuccess,
    ...rolling(null, 0, events, [ended("success")]),
    history: [past(8, { limitsAfter: after }), ...history],
    act: async (page) => {
      await openService(page);
      await page.click('[data-testid="tab-traffic"]');
    },
  },
  restored: {
    ...base,
    ...rolling("healthCheck", 120_000, failedHealth, [
      { type: "phaseFailed", phase: "healthCheck", tookMs: 120_000, failure },
      { type: "rollingBack", reason: "Green was not healthy in time" },
      { type: "containers", color: "green", replicas: [] },
      ended("healthTimeout", { failure, receipt: receipt(1_213) }),
    ]),
    act: openService,
  },
  failed: {
    ...base,
    ...rolling("verifyTraffic", 3_400, events, [
      {
        type: "phaseFailed",
        phase: "verifyTraffic",
        tookMs: 3_400,
        failure: badAnswers,
      },
      ended("notRolledBack", {
        failure: badAnswers,
        receipt: receipt(247, 3, ["14:02:11 502 Bad Gateway"]),
        leftBehind: ["monitoring-grafana-2 runs beside Blue", "docker rm -f monitoring-grafana-2"],
      }),
    ]),
    act: openService,
  },
  "plan-changed": {
    ...base,
    started: failed({
      code: "planChanged",
      message: "the plan has changed since it was shown",
      hint: "read the new plan, then start that",
      plan: {
        ...plan,
        id: "another",
        differences: [{ what: "image", before: "grafana:11.1", after: "grafana:11.2" }],
      },
    }),
    act: async (page) => {
      await edit(page);
      await page.click('[data-testid="deploy-button"]:enabled');
      await page.waitForSelector('[data-testid="plan-changed"]');
    },
  },
  "still-called": {
    ...base,
    ...rolling("removeBlue", 30_000, events, [
      { type: "callers", color: "blue", callers: [proxy] },
      { type: "phaseFailed", phase: "removeBlue", tookMs: 30_000, failure: stillCalled },
      { type: "rollingBack", reason: stillCalled.message },
      { type: "containers", color: "green", replicas: [] },
      ended("rolledBack", { failure: stillCalled, receipt: receipt(1_640) }),
    ]),
    act: openService,
  },
  history: {
    ...base,
    act: async (page) => {
      await openService(page);
      await page.click('[data-testid="tab-history"]');
      await page.click('[data-testid="rollback-to-5"]');
      await page.waitForSelector('[data-testid="proposal-confirm"]:enabled');
    },
  },
  "history-details": {
    ...base,
    act: async (page) => {
      await openService(page);
      await page.click('[data-testid="tab-history"]');
      await page.click('[data-testid="revision-7-details"]');
    },
  },
  "roll-back": {
    ...base,
    act: async (page) => {
      await openService(page);
      await page.click('[data-testid="rollback-button"]');
      await page.waitForSelector('[data-testid="proposal-confirm"]:enabled');
    },
  },
  close: {
    ...base,
    ...rolling("verifyTraffic", 3_400, events),
    act: async (page) => {
      await openService(page);
      await page.evaluate(() => window.emitTauri("close-requested", null));
      await page.waitForSelector('[data-testid="close-dialog"]');
    },
  },
};
