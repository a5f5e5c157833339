import { expect, test } from "vitest";

import { driftSentence, healthOf, readiness, rollbackTarget, stateOf } from "./services";
import { replica, revision, service } from "./testing/fixtures";

test("says what the next plain up does", () => {
  const drift = {
    nextUp: "recreate",
    differences: [{ what: "memory", before: "768M", after: "512M" }],
    byHand: [],
    keepable: true,
    command: ["docker", "compose", "up", "-d"],
  } as const;
  expect(
    driftSentence("web", {
      ...drift,
      differences: [...drift.differences],
      byHand: [],
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

test("shows the worst thing in the way of a rollout", () => {
  expect(readiness(service()).text).toBe("Ready");
  const verdict = {
    code: "hostPort",
    remedy: "remove it",
    readiness: "readyAfterFix",
    meaning: "",
    fix: null,
  } as const;
  const verdicts = [
    { ...verdict, level: "refused", reason: "publishes host port 80" } as const,
    { ...verdict, level: "warning", reason: "is called by name" } as const,
  ];
  expect(readiness(service({ verdicts }))).toEqual({
    tone: "bad",
    text: "publishes host port 80",
    remedy: "remove it",
    more: 1,
  });
  expect(readiness(service({ verdicts: verdicts.slice(1) })).text).toBe("Ready: is called by name");
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
