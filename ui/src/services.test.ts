import { expect, test } from "vitest";

import { driftSentence, healthOf, readiness, rollbackTarget, stateOf } from "./services";
import { replica, revision, service } from "./testing/fixtures";

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
