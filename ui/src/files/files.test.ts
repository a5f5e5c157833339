import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Drift, KeepPlan, ReadyPlan, Service, Verdict } from "../backend";
import { called, openService, program, reset, text } from "../testing/app";
import { after, plan, project, service, source } from "../testing/fixtures";

beforeEach(reset);
afterEach(cleanup);

const after_ = { ...source, files: [...source.files, "/srv/shop/compose.override.yaml"] };
const file = {
  path: "/srv/shop/compose.override.yaml",
  before: null,
  after: "services:\n  web:\n    ports: !reset []\n",
  diff: "",
  backup: false,
};
const verdict: Verdict = {
  level: "refused",
  code: "containerName",
  readiness: "readyAfterFix",
  reason: "has the fixed name `shop`",
  meaning: "a name can be had once",
  remedy: "remove it",
  fix: { kind: "removeContainerName", name: "shop" },
};

const readyPlan: ReadyPlan = {
  pulls: null,
  id: "ready-1",
  project: "shop",
  service: "web",
  source,
  sourceAfter: after_,
  fixes: [
    {
      fix: { kind: "removeContainerName", name: "shop" },
      reason: "has the fixed name `shop`",
      change: "the name goes",
      note: null,
    },
    { fix: { kind: "addHealthCheck" }, reason: "no health check", change: "one comes", note: null },
  ],
  files: [file],
  health: {
    test: { by: "command", test: ["CMD-SHELL", "true"] },
    passed: true,
    output: "fine",
    container: "shop-web-1",
  },
  first: null,
  notices: [],
  verdictsAfter: [],
};

const drift: Drift = {
  nextUp: "recreate",
  differences: [{ what: "memory", before: "768M", after: "512M" }],
  byHand: [],
  live: [],
  keepable: true,
  command: ["docker", "compose", "up", "-d"],
};

const opens = (over: Partial<Service>) => () => project({ services: [service(over)] });

test("makes a service ready by what was reviewed, and reads the project again", async () => {
  const verdicts = [verdict];
  await openService({
    open_project: opens({ verdicts, readiness: "readyAfterFix" }),
    plan_rollout: () => plan({ verdicts }),
    plan_ready: () => readyPlan,
    apply_ready: () => readyPlan,
  });
  expect(text("verdict-why")).toContain("A name can be had once");
  await fireEvent.click(await screen.findByTestId("make-ready"));
  expect((await screen.findByTestId("file-diff")).textContent).toContain("ports: !reset []");
  expect(text("health-result")).toContain("Passed on shop-web-1");
  await fireEvent.click(within(screen.getByTestId("fix-addHealthCheck")).getByRole("checkbox"));
  await waitFor(() =>
    expect(called("plan_ready").at(-1)?.[1]).toMatchObject({
      request: { fixes: [{ kind: "removeContainerName", name: "shop" }], place: "override" },
    }),
  );
  const apply = screen.getByTestId<HTMLButtonElement>("ready-apply");
  await waitFor(() => expect(apply.disabled).toBe(false));
  await fireEvent.click(apply);
  await waitFor(() => expect(screen.queryByTestId("ready-sheet")).toBeNull());
  expect(called("apply_ready")[0]?.[1]).toMatchObject({ id: "ready-1" });
  await waitFor(() => expect(called("open_project").at(-1)?.[1]).toEqual({ source: after_ }));
});

test("another health check is tried before it can be applied", async () => {
  const failed = { ...readyPlan.health, passed: false, output: "404" };
  await openService({
    open_project: opens({ verdicts: [verdict] }),
    plan_rollout: () => plan({ verdicts: [verdict] }),
    plan_ready: ({ request }) =>
      (request as { health: unknown }).health === null
        ? readyPlan
        : { ...readyPlan, files: [], health: failed },
  });
  await fireEvent.click(await screen.findByTestId("make-ready"));
  const command = await screen.findByTestId<HTMLInputElement>("health-command");
  expect(command.value).toBe("true");
  await fireEvent.change(command, { target: { value: "curl -f localhost" } });
  await waitFor(() => expect(text("health-result")).toContain("Failed"));
  expect(called("plan_ready").at(-1)?.[1]).toMatchObject({
    request: { health: { by: "command", test: ["CMD-SHELL", "curl -f localhost"] } },
  });
  expect(screen.getByTestId<HTMLButtonElement>("ready-apply").disabled).toBe(true);
});

test("undoes what was changed, and opens the project without what is gone", async () => {
  let isUndone = false;
  const applied = [{ kind: "ready" as const, at: source.files[0] ?? "", files: [], backups: [] }];
  await openService({
    open_project: ({ source: asked }) => {
      const { files } = asked as typeof after_;
      if (isUndone && files.length > 1) throw new Error("no such file");
      const services = [service({ applied: isUndone ? [] : applied })];
      return project({ services, source: isUndone ? source : after_ });
    },
    undo_files: () => {
      isUndone = true;
      return [file.path];
    },
  });
  await fireEvent.click(await screen.findByTestId("undo-ready"));
  await waitFor(() => expect(screen.queryByTestId("applied-ready")).toBeNull());
  expect(called("undo_files")[0]?.[1]).toEqual({ source: after_, service: "web", kind: "ready" });
});

test("says what the next plain up would do, and keeps the limits", async () => {
  const keepPlan: KeepPlan = {
    id: "keep-1",
    project: "shop",
    service: "web",
    source,
    sourceAfter: source,
    limits: after,
    files: [{ ...file, before: "memory: 512M\n", after: "memory: 768M\n", backup: true }],
    settled: true,
    live: null,
    command: ["docker", "compose", "up", "-d"],
    notices: [],
  };
  await openService({
    open_project: opens({ drift }),
    plan_keep: () => keepPlan,
    apply_keep: () => keepPlan,
  });
  expect(text("drift")).toContain("The next plain docker compose up -d recreates web");
  await fireEvent.click(screen.getByTestId("keep-button"));
  await fireEvent.click(await screen.findByTestId("place-inFile"));
  await waitFor(() =>
    expect(called("plan_keep").at(-1)?.[1]).toMatchObject({ request: { place: "inFile" } }),
  );
  const apply = screen.getByTestId<HTMLButtonElement>("keep-apply");
  await waitFor(() => expect(apply.disabled).toBe(false));
  await fireEvent.click(apply);
  await waitFor(() => expect(screen.queryByTestId("keep-sheet")).toBeNull());
  expect(called("apply_keep")[0]?.[1]).toMatchObject({ id: "keep-1" });
});

test("rolls out what the file says, once its plan was seen", async () => {
  await openService({
    open_project: opens({ drift }),
    plan_rollout: () => plan({ differences: [{ what: "image", before: "web:1", after: "web:2" }] }),
  });
  await fireEvent.click(screen.getByTestId("follow-files"));
  const confirm = await screen.findByTestId<HTMLButtonElement>("proposal-confirm");
  await waitFor(() => expect(confirm.disabled).toBe(false));
  expect(text("proposal")).toContain("web:2");
  await fireEvent.click(confirm);
  await waitFor(() =>
    expect(called("start_rollout")[0]?.[1]).toMatchObject({
      request: { limitsFromFile: true, change: { cpus: null, memory: null } },
    }),
  );
  expect(program.rollout).not.toBe("");
});

test("a live update is offered with its reason, and starts no rollout", async () => {
  const liveUpdate = { possible: true, recommended: true, reason: "it only grows" };
  await openService({
    plan_rollout: () => plan({ liveUpdate }),
    plan_live: () => plan({ id: "live", liveUpdate }),
  });
  await fireEvent.input(screen.getByTestId("memory-field"), { target: { value: "768M" } });
  await waitFor(() => expect(text("way")).toContain("It only grows"));
  await fireEvent.click(screen.getByTestId("way-live"));
  await waitFor(() => expect(text("deploy-button")).toBe("Update live"));
  const button = screen.getByTestId<HTMLButtonElement>("deploy-button");
  await waitFor(() => expect(button.disabled).toBe(false));
  await fireEvent.click(button);
  await waitFor(() => expect(called("update_live")).toHaveLength(1));
  expect(called("update_live")[0]?.[1]).toMatchObject({
    request: { service: "web", change: { memory: after.memory }, force: true },
    plan: "live",
  });
  expect(called("start_rollout")).toHaveLength(0);
});
