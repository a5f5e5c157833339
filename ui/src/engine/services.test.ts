import { expect, test } from "vitest";

import { replica, revision, service } from "../testing/fixtures";
import {
  driftSentence,
  healthOf,
  isFixable,
  isToRun,
  readiness,
  rollbackTarget,
  stateOf,
  differenceText,
} from "./services";

test("says what the next plain up does", () => {
  const drift = {
    nextUp: "recreate",
    differences: [{ what: "memory", before: "768M", after: "512M" }],
    byHand: [],
    live: [],
    keepable: true,
    command: ["docker", "compose", "up", "-d"],
  } as const;
  expect(
    driftSentence("web", {
      ...drift,
      differences: [...drift.differences],
      byHand: [],
      live: [],
      command: [...drift.command],
    }),
  ).toBe("The next plain `docker compose up -d` recreates web");
});

test("names a service's health in one word", () => {
  expect(healthOf(service())).toEqual({ tone: "good", label: "healthy" });
  expect(healthOf(service({ health: "none" })).label).toBe("running");
  expect(healthOf(service({ state: null })).label).toBe("not created");
  expect(healthOf(service({ state: "restarting" })).tone).toBe("bad");
});

test("says how ready a service is, and what is most in the way", () => {
  expect(readiness(service())).toEqual({ tone: "good", text: "Ready", reason: "" });
  const verdict = {
    level: "refused",
    code: "hostPort",
    readiness: "readyAfterFix",
    reason: "publishes host port 80",
    meaning: "",
    remedy: "remove it",
    fix: null,
  } as const;
  const verdicts = [verdict, { ...verdict, reason: "is called by name" }];
  expect(readiness(service({ verdicts, readiness: "readyAfterFix" }))).toEqual({
    tone: "warning",
    text: "Ready after a fix",
    reason: "publishes host port 80, and 1 more",
  });
});

const job = {
  level: "refused",
  code: "oneShot",
  readiness: "notForBlueGreen",
  reason: "is a job",
  meaning: "",
  remedy: "",
  fix: null,
} as const;

test("a job that is done is completed, and nothing to be run or made ready", () => {
  const done = service({
    state: "exited",
    replicas: [replica({ state: "exited", exitCode: 0 })],
    verdicts: [{ ...job, fix: { kind: "addHealthCheck" } }],
    readiness: "notForBlueGreen",
  });
  expect(healthOf(done)).toEqual({ tone: "none", label: "completed" });
  expect(isToRun(done)).toBe(false);
  expect(isFixable(done.verdicts)).toBe(false);
  expect(readiness(done).tone).toBe("none");
  const failed = service({ ...done, replicas: [replica({ state: "exited", exitCode: 1 })] });
  expect(healthOf(failed).label).toBe("exited");
  expect(isToRun(failed)).toBe(true);
});

test("a profile that is off is told, and its service need not run", () => {
  const off = service({ state: null, replicas: [], offProfiles: ["tools"] });
  expect(healthOf(off)).toEqual({ tone: "none", label: "profile tools off" });
  expect(isToRun(off)).toBe(false);
});

test("tells the readiness of what was not started yet", () => {
  const stopped = { ...job, code: "notRunning", readiness: "readyAfterFix" } as const;
  const idle = { state: null, replicas: [], readiness: "readyAfterFix" } as const;
  expect(readiness(service({ ...idle, replicas: [], verdicts: [stopped] }))).toEqual({
    tone: "none",
    text: "Ready, once it runs",
    reason: "",
  });
  const port = { ...job, readiness: "readyAfterFix", reason: "publishes host port 80" } as const;
  expect(readiness(service({ ...idle, replicas: [], verdicts: [stopped, port] }))).toEqual({
    tone: "warning",
    text: "Ready after a fix",
    reason: "publishes host port 80",
  });
});

test("a difference without a value before is told in words", () => {
  expect(differenceText({ what: "memory", before: "768M", after: "512M" })).toBe(
    "memory 768M → 512M",
  );
  expect(differenceText({ what: "environment", before: "", after: "changed: A" })).toBe(
    "environment changed: A",
  );
  expect(differenceText({ what: "other", before: "", after: "another key has changed" })).toBe(
    "another key has changed",
  );
});

test("tells a set's state by its worst container", () => {
  expect(stateOf([])).toBe("none");
  expect(stateOf([replica(), replica({ state: "exited" })])).toBe("exited");
  expect(stateOf([replica({ health: "none" })])).toBe("running");
});

test("rolls back to the one in effect before, past those that failed", () => {
  expect(rollbackTarget([])).toBeNull();
  expect(rollbackTarget([revision(1, { outcome: null })])).toBeNull();
  const history = [
    revision(4, { outcome: "aborted" }),
    revision(3),
    revision(2, { outcome: "healthTimeout" }),
    revision(1, { outcome: null }),
  ];
  expect(rollbackTarget(history)?.revision).toBe(1);
});
