import { describe, expect, test } from "vitest";

import {
  after,
  before,
  failure,
  green,
  plan,
  receipt,
  replica,
  rolled,
  service,
} from "../testing/fixtures";
import type { Said } from "../testing/fixtures";
import { isRunning, phasesDone } from "./rollout";
import { stageOf } from "./stage";

const begun: Said[] = [
  { type: "started", project: "shop", service: "web" },
  { type: "phaseStarted", phase: "preparation", deadlineMs: null },
  { type: "planned", plan: plan() },
  { type: "phaseDone", phase: "preparation", tookMs: 2000 },
];
const greenThere: Said[] = [
  ...begun,
  { type: "phaseStarted", phase: "deployGreen", deadlineMs: null },
  { type: "containers", color: "green", replicas: [{ ...green, health: "starting" }] },
  { type: "phaseDone", phase: "deployGreen", tookMs: 2000 },
  { type: "phaseStarted", phase: "healthCheck", deadlineMs: 120_000 },
];
const balanced: Said[] = [
  ...greenThere,
  { type: "healthPoll", container: "green-1", health: "healthy", sinceStartMs: 5000, output: null },
  { type: "phaseDone", phase: "healthCheck", tookMs: 1000 },
  { type: "phaseStarted", phase: "verifyTraffic", deadlineMs: null },
  { type: "split", greenPercent: 50 },
  { type: "answers", blue: 18, green: 17, failed: 0, wanted: 20 },
];
const ended = (outcome: "success" | "aborted" | "notRolledBack", over = {}): Said => ({
  type: "ended",
  outcome,
  failure: null,
  receipt: receipt(),
  leftBehind: [],
  ...over,
});

describe("a rollout's view", () => {
  test("keeps the rollout's clock and the phase's own duration apart", () => {
    const view = rolled(...greenThere);
    const deploy = view.phases[1];
    expect(deploy).toMatchObject({ status: "done", startedMs: 4000, elapsedMs: 2000 });
    expect(view.elapsedMs).toBe(7000);
    expect(view.startedAt).toBe(Date.parse("2026-11-24T07:00:00Z"));
    expect(view.current).toBe("healthCheck");
    expect(view.phases[2]).toMatchObject({ status: "running", deadlineMs: 120_000 });
    expect(phasesDone(view)).toBe(2);
  });

  test("is the same by replay as live: folding changes no earlier view", () => {
    const first = rolled(...greenThere);
    const copy = structuredClone(first);
    rolled(...balanced);
    expect(first).toEqual(copy);
  });

  test("takes Blue from the plan until it hears of Blue itself", () => {
    expect(rolled(...begun).blue.map(({ id }) => id)).toEqual(["blue-1"]);
    const gone = rolled(...begun, { type: "containers", color: "blue", replicas: [] });
    expect(gone.blue).toEqual([]);
  });

  test("ends in success with Green alone", () => {
    const view = rolled(
      ...balanced,
      { type: "containers", color: "blue", replicas: [] },
      ended("success"),
    );
    expect(view.status).toBe("succeeded");
    expect(view.greenPercent).toBe(100);
    expect(isRunning(view)).toBe(false);
    expect(view.receipt?.requests).toBe(4812);
  });

  test("fails the running phase and returns everything to Blue when it is aborted", () => {
    const view = rolled(...balanced, { type: "rollingBack", reason: "aborted" }, ended("aborted"));
    expect(view.status).toBe("restored");
    expect(view.phases[3]?.status).toBe("failed");
    expect(view.greenPercent).toBe(0);
    expect(view.green).toEqual([]);
    expect(view.greenIds).toEqual(["green-1"]);
  });

  test("keeps the split and what is left when it was not rolled back", () => {
    const view = rolled(
      ...balanced,
      ended("notRolledBack", { failure, leftBehind: ["shop-web-2"] }),
    );
    expect(view).toMatchObject({ status: "failed", greenPercent: 50, leftBehind: ["shop-web-2"] });
    expect(view.failure?.code).toBe("unhealthy");
  });

  test("lists what happened, but not what comes by the second", () => {
    const texts = rolled(...balanced, { type: "probe", receipt: receipt() }).lines.map(
      ({ text }) => text,
    );
    expect(texts).toContain("Planned: 1 CPU, 512M → 1.5 CPU, 768M");
    expect(texts).toContain("T=5s healthy");
    expect(texts.at(-1)).toBe("Blue 50 %, Green 50 % of the traffic");
  });
});

describe("the stage", () => {
  test("says at rest that Blue serves everything, and what Green would get", () => {
    const stage = stageOf(service(), null, after);
    expect(stage.sentence).toBe("Blue serves *100 %* of the traffic.");
    expect(stage.blue).toMatchObject({ share: 100, state: "healthy", limits: before });
    expect(stage.green).toMatchObject({ isEmpty: true, limits: after, share: 0, revision: 8 });
  });

  test("promises nothing where no route leads to the service", () => {
    const stage = stageOf(service({ routes: [] }), null, after);
    expect(stage.blue.share).toBeNull();
    expect(stage.sentence).toContain("can’t promise");
  });

  test("says that nobody serves what does not run", () => {
    const stage = stageOf(service({ replicas: [], state: null }), null, after);
    expect(stage.blue).toMatchObject({ isEmpty: true, share: 0 });
    expect(stage.sentence).toContain("nobody serves");
  });

  test("gives Green nothing before it is healthy", () => {
    const stage = stageOf(service(), rolled(...greenThere), before);
    expect(stage.green).toMatchObject({ state: "starting", share: 0, limits: after, revision: 8 });
    expect(stage.sentence).toContain("Green gets none before it is healthy");
  });

  test("shows the split and Green's polled health", () => {
    const stage = stageOf(service(), rolled(...balanced), before);
    expect(stage.green).toMatchObject({ state: "healthy", share: 50 });
    expect(stage.sentence).toContain("each serve *50 %*");
    expect(stage.sentence).toContain("20 good answers");
  });

  test("counts Blue's requests in flight while it drains", () => {
    const view = rolled(
      ...balanced,
      { type: "phaseStarted", phase: "removeBlue", deadlineMs: 30_000 },
      { type: "split", greenPercent: 100 },
      { type: "drain", inFlight: 3, tookMs: 400 },
    );
    expect(view.drain).toEqual({ inFlight: 3, elapsedMs: 400 });
    const stage = stageOf(service(), view, before);
    expect(stage.blue).toMatchObject({ share: 0, detail: "3 in flight" });
    expect(stage.green.share).toBe(100);
  });

  test("shows no share of traffic that nothing steers", () => {
    const unsteered = plan({ traffic: { mode: "unsteered", reason: "there is no Traefik" } });
    const view = rolled(...begun.slice(0, 2), { type: "planned", plan: unsteered });
    const stage = stageOf(service(), view, before);
    expect(stage.blue.share).toBeNull();
    expect(stage.sentence).toContain("there is no Traefik");
  });

  test("takes several replicas together, the worst of them first", () => {
    const three = [1, 2, 3].map((number) =>
      replica({ id: `b${number}`, number, health: number === 2 ? "unhealthy" : "healthy" }),
    );
    expect(stageOf(service({ replicas: three }), null, after).blue).toMatchObject({
      state: "unhealthy",
      detail: "3 replicas",
    });
  });
});
