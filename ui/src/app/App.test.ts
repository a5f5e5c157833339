import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { CommandError } from "../backend";
import { called, open, openService, program, reset, text } from "../testing/app";
import { engine, project, service, source } from "../testing/fixtures";

beforeEach(reset);
// The mock stays: what the page unfollows at its end still has to be answered.
afterEach(cleanup);

test("offers the sample and a file where there is no project", async () => {
  open({ list_projects: () => [], sample_up: () => source });
  expect(await screen.findByText("Change a limit without a failed request")).toBeTruthy();
  await waitFor(() =>
    expect(screen.getByTestId<HTMLButtonElement>("try-sample").disabled).toBe(false),
  );
  await fireEvent.click(screen.getByTestId("try-sample"));
  expect(await screen.findByTestId("service-row-web")).toBeTruthy();
  expect(called("open_project").at(-1)?.[1]).toEqual({ source });
});

test("opens what the window was started with", async () => {
  open({ startup: () => ({ source, version: "0.1.0" }) });
  const row = await screen.findByTestId("service-row-web");
  expect(within(row.closest("tr") ?? row).getByText("Ready")).toBeTruthy();
});

test("says why there is no engine, and comes back by itself", async () => {
  const error: CommandError = {
    code: "noEngine",
    message: "no Docker engine answers at `unix:///x.sock`",
    hint: "start Docker",
    causes: ["connection refused"],
  };
  let isThere = false;
  open({
    engine_info: () => {
      if (isThere) return engine;
      throw error;
    },
  });
  const gone = await screen.findByTestId("engine-gone");
  expect(gone.textContent).toContain("unix:///x.sock");
  expect(gone.textContent).toContain("connection refused");
  isThere = true;
  program.change({ type: "engine", connected: true });
  expect(await screen.findByTestId("open-project-shop")).toBeTruthy();
  await waitFor(() => expect(screen.queryByTestId("engine-gone")).toBeNull());
});

test("tells what Compose warns of, and which services have drifted", async () => {
  const notices = ['The "TAG" variable is not set. Defaulting to a blank string.'];
  const drift = {
    nextUp: "recreate",
    differences: [{ what: "memory", before: "768M", after: "512M" }],
    byHand: [],
    live: [],
    keepable: true,
    command: ["docker"],
  } as const;
  const drifted = service({
    drift: { ...drift, differences: [...drift.differences], byHand: [], live: [], command: [] },
  });
  open({
    startup: () => ({ source, version: "0.1.0" }),
    open_project: () => project({ notices, services: [drifted] }),
  });
  expect((await screen.findByTestId("notices")).textContent).toContain('The "TAG" variable');
  expect(text("drift-chip")).toBe("web drifted");
});

test("opens the project that is open already without reading it again", async () => {
  open({
    startup: () => ({ source: { ...source, files: ["/srv/shop/other.yaml"] }, version: "0.1.0" }),
  });
  await screen.findByTestId("service-row-web");
  await screen.findByTestId("open-project-shop");
  const asked = called("open_project").length;
  await fireEvent.click(screen.getByTestId("open-project-shop"));
  expect(screen.queryByTestId("service-row-web")).toBeTruthy();
  expect(called("open_project")).toHaveLength(asked);
});

test("a job that is done keeps no project from running", async () => {
  const list = [
    {
      name: "shop",
      source,
      workingDirectory: "/srv/shop",
      running: 6,
      total: 7,
      completed: 1,
      unhealthy: false,
      filesExist: true,
    },
  ];
  open({ list_projects: () => list });
  const item = await screen.findByTestId("open-project-shop");
  expect(item.textContent).toContain("6/6");
  expect(within(item).getByRole("img", { name: "running" })).toBeTruthy();
});

test("without an engine nobody knows whether a recent project is stopped", async () => {
  open({
    engine_info: () => {
      throw { code: "noEngine", message: "no engine", hint: null, causes: [] };
    },
    recent_projects: () => [{ name: "old", source, workingDirectory: "/srv/old" }],
  });
  await screen.findByTestId("engine-gone");
  expect(screen.queryByText("stopped")).toBeNull();
});

test("a project arrives however much happens on the engine meanwhile", async () => {
  const arrivals: ((value: unknown) => void)[] = [];
  open({
    startup: () => ({ source, version: "0.1.0" }),
    open_project: () => new Promise((arrive) => arrivals.push(arrive)),
  });
  await waitFor(() => expect(arrivals).toHaveLength(1));
  const listed = called("list_projects").length;
  for (const name of ["shop", "other"]) {
    program.change({ type: "project", name });
    await waitFor(() => expect(called("list_projects").length).toBeGreaterThan(listed));
  }
  expect(arrivals).toHaveLength(1);
  arrivals[0]?.(project());
  await screen.findByTestId("service-row-web");
  await waitFor(() => expect(arrivals).toHaveLength(2));
  arrivals[1]?.(project());
});

test("what happens to other projects does not read the open one again", async () => {
  await openService();
  const opened = called("open_project").length;
  const listed = called("list_projects").length;
  program.change({ type: "project", name: "other" });
  await waitFor(() => expect(called("list_projects").length).toBeGreaterThan(listed));
  expect(called("open_project")).toHaveLength(opened);
  program.change({ type: "project", name: "shop" });
  await waitFor(() => expect(called("open_project").length).toBeGreaterThan(opened));
});

test("shows Compose's own message for a project that can't be read", async () => {
  const message = "required variable TOKEN is missing a value";
  open({
    startup: () => ({ source, version: "0.1.0" }),
    open_project: () => {
      throw { code: "projectInvalid", message, hint: null, causes: [] };
    },
  });
  expect((await screen.findByTestId("project-failed")).textContent).toContain(message);
});

test("says so when the service is gone from the files", async () => {
  let services = [service()];
  await openService({ open_project: () => project({ services }) });
  services = [];
  program.change({ type: "project", name: "shop" });
  expect(await screen.findByText("There is no service web any more")).toBeTruthy();
});

test("keys do what the menu does, and are listed", async () => {
  await openService();
  await waitFor(() =>
    expect(screen.getByTestId<HTMLButtonElement>("deploy-button").disabled).toBe(false),
  );
  await fireEvent.keyDown(document.body, { key: "?" });
  expect((await screen.findByTestId("shortcuts")).textContent).toContain("Deploy");
  await fireEvent.click(screen.getByRole("button", { name: "Close" }));
  await fireEvent.keyDown(document.body, { key: "4", altKey: true });
  expect(screen.getByTestId("tab-history").getAttribute("aria-selected")).toBe("true");
  await fireEvent.keyDown(document.body, { key: "/" });
  const search = screen.getByRole("textbox", { name: "Search projects" });
  expect(document.activeElement).toBe(search);
  await fireEvent.keyDown(search, { key: "?" });
  expect(screen.queryByTestId("shortcuts")).toBeNull();
  await fireEvent.keyDown(document.body, { key: "Enter", ctrlKey: true });
  await waitFor(() => expect(called("start_rollout")).toHaveLength(1));
});
