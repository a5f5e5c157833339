import { cleanup, fireEvent, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Interrupted } from "../backend";
import { called, deploy, open, openService, program, reset, text } from "../testing/app";
import { after, before, engine, project, service, source } from "../testing/fixtures";

beforeEach(reset);
afterEach(cleanup);

const gone = { code: "noEngine", message: "no engine answers", hint: "start it", causes: [] };

const interrupted: Interrupted = {
  rollout: "lost",
  project: "shop",
  service: "web",
  source,
  startedAt: "2026-01-02T03:04:05Z",
  phase: "removeBlue",
  greenPercent: 100,
  limitsBefore: before,
  limitsAfter: after,
  canRollBack: true,
};

test("a rollout that was cut off after Blue had gone can only be finished", async () => {
  open({
    interrupted_rollouts: () => [{ ...interrupted, phase: "verification", canRollBack: false }],
    recover_rollout: () => program.rollout,
  });
  await fireEvent.click(await screen.findByTestId("finish"));
  await waitFor(() =>
    expect(called("recover_rollout")[0]?.[1]).toEqual({ source, service: "web", way: "finish" }),
  );
  expect(screen.queryByTestId("recover")).toBeNull();
});

test("a rollout that was cut off is taken back to Blue with one click", async () => {
  let recovered = false;
  open({
    interrupted_rollouts: () => (recovered ? [] : [interrupted]),
    recover_rollout: () => {
      recovered = true;
      return program.rollout;
    },
  });
  expect((await screen.findByTestId("interrupted")).textContent).toContain(
    "was interrupted in Remove Blue, Green serves 100 %",
  );
  await fireEvent.click(screen.getByTestId("recover"));
  await waitFor(() => expect(screen.queryByTestId("interrupted")).toBeNull());
  expect(called("recover_rollout")[0]?.[1]).toEqual({
    source,
    service: "web",
    way: "rollBack",
  });
  program.tell({ type: "rollingBack", reason: "it was interrupted" });
  await waitFor(() => expect(text("state-chip")).toBe("Rolling back"));
});

test("a project that is stopped can be started", async () => {
  const stopped = service({ state: "exited", replicas: [] });
  open({ open_project: () => project({ services: [stopped] }) });
  await fireEvent.click(await screen.findByTestId("open-project-shop"));
  await fireEvent.click(await screen.findByTestId("start-project"));
  await waitFor(() => expect(called("start_project")[0]?.[1]).toEqual({ source }));
});

test("an engine that goes away in the middle of a rollout comes back by itself", async () => {
  let isGone = false;
  await deploy({
    engine_info: () => {
      if (isGone) throw gone;
      return engine;
    },
  });
  program.tell({ type: "phaseStarted", phase: "healthCheck", deadlineMs: 120_000 });
  isGone = true;
  program.change({ type: "engine", connected: false });
  expect((await screen.findByTestId("run-without-engine")).textContent).toContain("Health Check");
  isGone = false;
  program.change({ type: "engine", connected: true });
  await waitFor(() => expect(text("state-chip")).toBe("Progressing · Health Check"));
});

test("each kind of missing engine has a title of its own", async () => {
  const kinds = {
    noEngine: "Docker isn’t running",
    engineTooOld: "This Docker is too old",
    noCompose: "Docker Compose is missing",
  };
  for (const [code, title] of Object.entries(kinds)) {
    open({
      engine_info: () => {
        throw { ...gone, code };
      },
    });
    await waitFor(() => expect(document.querySelector("main h1")?.textContent).toBe(title), {
      timeout: 10_000,
    });
    cleanup();
    reset();
  }
});

test("two hundred services are listed, each with its row", async () => {
  const services = Array.from({ length: 200 }, (_, n) => service({ name: `worker-${n}` }));
  open({ open_project: () => project({ services }) });
  await fireEvent.click(await screen.findByTestId("open-project-shop"));
  // The rows that fill the window come first, the others frame by frame.
  await screen.findByTestId("service-row-worker-0");
  expect(document.querySelectorAll("tbody tr").length).toBeLessThan(100);
  await screen.findByTestId("service-row-worker-199", {}, { timeout: 10_000 });
  expect(document.querySelectorAll("tbody tr")).toHaveLength(200);
});

test("a service that is not there any more leads back to the project", async () => {
  let services = [service()];
  await openService({ open_project: () => project({ services }) });
  services = [];
  program.change({ type: "project", name: "shop" });
  await fireEvent.click(await screen.findByRole("button", { name: "To the project" }));
  expect(await screen.findByText("The compose files have no services.")).toBeTruthy();
});

test("a hidden window asks for nothing, and reads again what it missed once it is seen", async () => {
  const see = (hidden: boolean) => {
    vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
    document.dispatchEvent(new Event("visibilitychange"));
  };
  await openService({ follow_usage: () => 7 });
  await waitFor(() => expect(called("follow_usage")).toHaveLength(1));
  see(true);
  await waitFor(() => expect(called("unfollow")).toContainEqual(["unfollow", { subscription: 7 }]));
  const before = called("open_project").length;
  program.change({ type: "project", name: "shop" });
  expect(called("open_project")).toHaveLength(before);
  see(false);
  await waitFor(() => expect(called("open_project").length).toBeGreaterThan(before));
  await waitFor(() => expect(called("follow_usage")).toHaveLength(2));
  vi.restoreAllMocks();
});
