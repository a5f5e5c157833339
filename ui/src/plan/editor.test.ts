import { beforeEach, expect, test, vi } from "vitest";

import * as backend from "../backend";
import { after, engine, plan, service, source } from "../testing/fixtures";
import { G, M } from "../units/limits";
import { Editor, isRefused } from "./editor.svelte";
import { planChanges } from "./planChange";
import { Proposal } from "./proposal.svelte";

vi.mock("../backend", async (original) => ({
  ...(await original<typeof backend>()),
  planRollout: vi.fn(),
  planLive: vi.fn(),
  startRollout: vi.fn(),
  updateLive: vi.fn(),
  rollbackRequest: vi.fn(),
}));

const planRollout = vi.mocked(backend.planRollout);
const planLive = vi.mocked(backend.planLive);
const startRollout = vi.mocked(backend.startRollout);
const updateLive = vi.mocked(backend.updateLive);

beforeEach(() => {
  vi.resetAllMocks();
  planRollout.mockResolvedValue(plan());
  startRollout.mockResolvedValue("r8");
  updateLive.mockResolvedValue(null);
});

function edit(over: Partial<backend.Service> = {}) {
  const shown = service(over);
  return new Editor(
    () => source,
    () => shown,
    () => engine,
  );
}

test("starts from the limits in force and asks for what differs only", () => {
  const editor = edit();
  expect([editor.cpus, editor.memory]).toEqual(["1", "512M"]);
  expect(editor.isChanged).toBe(false);
  editor.memory = "768mb";
  expect(editor.change).toEqual({ cpus: null, memory: 768 * M });
  editor.reset();
  expect(editor.isChanged).toBe(false);
});

test("leaves a limit alone whose field is empty", () => {
  const editor = edit({ limits: { cpus: null, memory: 512 * M } });
  expect(editor.cpus).toBe("");
  editor.memory = "";
  expect(editor.isValid).toBe(true);
  expect(editor.change).toEqual({ cpus: null, memory: null });
});

test("refuses what the engine does not have and what is reserved", () => {
  const editor = edit({ reservations: { cpus: null, memory: 128 * M } });
  editor.cpus = "5";
  expect(editor.cpusReading).toEqual({ ok: false, problem: "5 is more than the engine has, 4" });
  editor.cpus = "1";
  editor.memory = "64M";
  expect(editor.memoryReading).toEqual({
    ok: false,
    problem: "64M is below the reservation of 128M",
  });
  editor.memory = String(17 * G);
  expect(editor.isValid).toBe(false);
});

test("an untouched field goes along with new limits, a touched one stays", () => {
  const editor = edit();
  editor.cpus = "2";
  editor.follow(after);
  expect([editor.cpus, editor.memory]).toEqual(["2", "768M"]);
});

test("deploys the plan that is shown, without another look", async () => {
  const editor = edit();
  editor.cpus = "1.5";
  expect(await editor.deploy()).toBeNull();
  await editor.planNow();
  expect(await editor.deploy()).toBe("r8");
  expect(planRollout).toHaveBeenCalledTimes(1);
  expect(planRollout.mock.lastCall?.[0].change.cpus).toBe(1.5);
  expect(startRollout).toHaveBeenCalledWith(planRollout.mock.lastCall?.[0], plan().id);
});

test("deploys no plan of an earlier draft", async () => {
  const editor = edit();
  await editor.planNow();
  expect(editor.isReviewed).toBe(true);
  editor.memory = "768M";
  expect(editor.isReviewed).toBe(false);
  expect(await editor.deploy()).toBeNull();
  expect(startRollout).not.toHaveBeenCalled();
});

test("shows a plan that has changed, and starts it only once somebody agrees", async () => {
  const editor = edit();
  await editor.planNow();
  const now = plan({ id: "other", limitsAfter: { cpus: 1.5, memory: 70 * M } });
  const error = { code: "planChanged", message: "", hint: null, causes: [], plan: now };
  startRollout.mockRejectedValueOnce(error);
  expect(await editor.deploy()).toBeNull();
  expect(editor.error).toBeNull();
  expect(editor.plan).toEqual(now);
  expect(editor.changes).toEqual([
    "the limits: 1 CPU, 512M → 1.5 CPU, 70M instead of 1 CPU, 512M → 1.5 CPU, 768M",
  ]);
  expect(await editor.deploy()).toBeNull();
  expect(startRollout).toHaveBeenCalledTimes(1);
  editor.agree();
  expect(await editor.deploy()).toBe("r8");
  expect(startRollout.mock.lastCall?.[1]).toBe("other");
});

test("a plan that becomes another under one's eyes waits for a yes too", async () => {
  const editor = edit();
  await editor.planNow();
  const differences = [{ what: "environment", before: "", after: "changed: TOKEN" }];
  planRollout.mockResolvedValueOnce(plan({ id: "other", differences }));
  await editor.planNow();
  expect(editor.changes).toEqual(["what else Green gets from the files or the image"]);
  expect(editor.isReviewed).toBe(false);
  editor.cpus = "2";
  await editor.planNow();
  expect(editor.changes).toBeNull();
});

test("a plan that changes twice is compared with the one that was agreed to", async () => {
  const editor = edit();
  await editor.planNow();
  const memory = plan({ id: "second", limitsAfter: { cpus: 1.5, memory: 70 * M } });
  planRollout.mockResolvedValueOnce(memory);
  await editor.planNow();
  const differences = [{ what: "environment", before: "", after: "changed: TOKEN" }];
  const both = plan({ ...memory, id: "third", differences });
  planRollout.mockResolvedValueOnce(both);
  await editor.planNow();
  expect(editor.changes).toEqual([
    "the limits: 1 CPU, 512M → 1.5 CPU, 70M instead of 1 CPU, 512M → 1.5 CPU, 768M",
    "what else Green gets from the files or the image",
  ]);
  editor.agree();
  planRollout.mockResolvedValueOnce(memory);
  await editor.planNow();
  expect(editor.changes).toEqual(["what else Green gets from the files or the image"]);
  // As it was agreed to: nothing is left to say yes to.
  planRollout.mockResolvedValueOnce(both);
  await editor.planNow();
  expect(editor.changes).toBeNull();
  expect(editor.isReviewed).toBe(true);
});

test("a change between two plans is told though planning failed meanwhile", async () => {
  const editor = edit();
  await editor.planNow();
  planRollout.mockRejectedValueOnce({ code: "unexpected", message: "", hint: null, causes: [] });
  await editor.planNow();
  const differences = [{ what: "environment", before: "", after: "changed: TOKEN" }];
  planRollout.mockResolvedValueOnce(plan({ id: "other", differences }));
  await editor.planNow();
  expect(editor.changes).toEqual(["what else Green gets from the files or the image"]);
});

test("a retry that is shown waits for a yes, though its plan is made again", async () => {
  const editor = edit();
  const again = await editor.planNow();
  const differences = [{ what: "environment", before: "", after: "changed: TOKEN" }];
  editor.offer(again ?? plan(), plan({ id: "failed", differences }));
  const waits = ["what else Green gets from the files or the image"];
  expect(editor.changes).toEqual(waits);
  await editor.planNow();
  expect(editor.changes).toEqual(waits);
});

test("a value that no plan shows is told as such", () => {
  expect(planChanges(plan(), plan({ id: "other" }))).toEqual([
    "a value in the compose files or their environment",
  ]);
});

test("a live update is planned as one, and made by that plan", async () => {
  const editor = edit();
  editor.memory = "768M";
  editor.mode = "live";
  const liveUpdate = { possible: true, recommended: false, reason: "" };
  planLive.mockResolvedValue(plan({ id: "live", liveUpdate }));
  await editor.planNow();
  expect(planRollout).not.toHaveBeenCalled();
  expect(await editor.updateLive()).toBe(true);
  expect(updateLive).toHaveBeenCalledWith(planLive.mock.lastCall?.[0], "live");
});

test("starts nothing that is refused, invalid or can't be planned", async () => {
  const editor = edit();
  const refusal = {
    level: "refused",
    code: "hostPort",
    reason: "r",
    remedy: "m",
    readiness: "readyAfterFix",
    meaning: "",
    fix: null,
  } as const;
  planRollout.mockResolvedValueOnce(plan({ verdicts: [refusal] }));
  await editor.planNow();
  expect(await editor.deploy()).toBeNull();
  editor.cpus = "none";
  expect(await editor.deploy()).toBeNull();
  editor.cpus = "1";
  const error = { code: "unexpected", message: "broken", hint: null, causes: [] };
  planRollout.mockRejectedValueOnce(error);
  await editor.planNow();
  expect(await editor.deploy()).toBeNull();
  expect(editor.error).toEqual(error);
  expect(startRollout).not.toHaveBeenCalled();
});

test("shows why a rollout did not start", async () => {
  const editor = edit();
  const busy = { code: "busy", message: "another rollout runs", hint: null, causes: [] };
  startRollout.mockRejectedValueOnce(busy);
  await editor.planNow();
  expect(await editor.deploy()).toBeNull();
  expect(editor.error).toEqual(busy);
});

test("keeps the newest plan when an older one comes later", async () => {
  const editor = edit();
  let answerFirst: (plan: backend.Plan) => void = () => undefined;
  planRollout.mockReturnValueOnce(new Promise((resolve) => (answerFirst = resolve)));
  const first = editor.planNow();
  planRollout.mockResolvedValueOnce(plan({ revision: 9 }));
  await editor.planNow();
  answerFirst(plan({ revision: 8 }));
  await first;
  expect(editor.plan?.revision).toBe(9);
  expect(editor.planning).toBe(false);
});

test("plans once for a burst of typing", async () => {
  vi.useFakeTimers();
  const editor = edit();
  for (const text of ["1.", "1.2", "1.25"]) {
    editor.cpus = text;
    editor.schedule();
  }
  await vi.runAllTimersAsync();
  expect(planRollout).toHaveBeenCalledTimes(1);
  expect(planRollout.mock.lastCall?.[0].change.cpus).toBe(1.25);
  vi.useRealTimers();
});

test("takes force for what needs force, but not for a refusal", () => {
  const verdict = {
    code: "stateful",
    reason: "r",
    remedy: "m",
    readiness: "readyAfterFix",
    meaning: "",
    fix: null,
  } as const;
  const forced = { ...plan().options, force: true };
  const needs = [{ ...verdict, level: "needsforce" } as const];
  expect(isRefused(plan({ verdicts: needs }))).toBe(true);
  expect(isRefused(plan({ verdicts: needs, options: forced }))).toBe(false);
  const refused = [{ ...verdict, level: "refused" } as const];
  expect(isRefused(plan({ verdicts: refused, options: forced }))).toBe(true);
  expect(isRefused(plan({ verdicts: [{ ...verdict, level: "warning" }] }))).toBe(false);
});

test("a rollback is planned before it can start, and starts what was planned", async () => {
  const request = { ...edit().request, toRevision: 7 };
  vi.mocked(backend.rollbackRequest).mockResolvedValue(request);
  const rollback = new Proposal(source, "web", { to: 7 });
  expect(rollback.canStart).toBe(false);
  await rollback.prepare();
  expect(rollback.canStart).toBe(true);
  expect(await rollback.start()).toBe("r8");
  expect(startRollout).toHaveBeenCalledWith(request, plan().id);
  const now = plan({ id: "other" });
  const error = { code: "planChanged", message: "", hint: null, causes: [], plan: now };
  startRollout.mockRejectedValueOnce(error);
  expect(await rollback.start()).toBeNull();
  expect([rollback.plan, rollback.changes?.length]).toEqual([now, 1]);
  expect(await rollback.start()).toBe("r8");
  expect(startRollout).toHaveBeenLastCalledWith(request, "other");
});

test("undoes one change after the other, and typing as one", () => {
  vi.useFakeTimers();
  const editor = edit();
  expect(editor.canUndo).toBe(false);
  editor.write({ cpus: "1." });
  editor.write({ cpus: "1.5" });
  vi.advanceTimersByTime(2000);
  editor.write({ memory: "768M" });
  editor.undo();
  expect([editor.cpus, editor.memory]).toEqual(["1.5", "512M"]);
  editor.undo();
  expect([editor.cpus, editor.memory]).toEqual(["1", "512M"]);
  expect(editor.canUndo).toBe(false);
  vi.useRealTimers();
});
