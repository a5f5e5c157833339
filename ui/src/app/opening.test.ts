/** Projects that come from outside of the page: dropped, chosen in the dialog or the tray, or told by a second start. */
import { cleanup, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";

import { sourceOf } from "../backend";
import { app } from "../state/app.svelte";
import { called, emit, open, reset } from "../testing/app";
import { source } from "../testing/fixtures";

beforeEach(reset);
afterEach(cleanup);

const FILES = ["/srv/a b/compose.yaml", "/srv/a b/compose.prod.yaml"];
const position = { x: 0, y: 0 };
const openButton = () =>
  within(screen.getByRole("complementary")).getByRole("button", { name: "Open compose file…" });
const opened = () => called("open_project").map(([, args]) => args.source);

async function openStart(over = {}) {
  open(over);
  await screen.findByTestId("open-project-shop");
}

test("files that are dropped on the window open as one project", async () => {
  await openStart();
  await emit("tauri://drag-enter", { paths: FILES, position });
  expect(await screen.findByTestId("drop-here")).toBeTruthy();
  await emit("tauri://drag-over", { position });
  expect(screen.getByTestId("drop-here")).toBeTruthy();
  await emit("tauri://drag-drop", { paths: FILES, position });
  expect(await screen.findByTestId("service-row-web")).toBeTruthy();
  expect(opened()).toEqual([sourceOf(FILES)]);
  expect(screen.queryByTestId("drop-here")).toBeNull();
});

test("what is dragged away again, and what is not a file, opens nothing", async () => {
  await openStart();
  await emit("tauri://drag-enter", { paths: FILES, position });
  await screen.findByTestId("drop-here");
  await emit("tauri://drag-leave", null);
  await waitFor(() => expect(screen.queryByTestId("drop-here")).toBeNull());
  await emit("tauri://drag-drop", { paths: [], position });
  expect(opened()).toEqual([]);
});

test("files are chosen in the system's dialog; one that is cancelled changes nothing", async () => {
  let chosen: string[] | null = null;
  await openStart({ "plugin:dialog|open": () => chosen });
  const button = openButton();
  button.click();
  await waitFor(() => expect(called("plugin:dialog|open")).toHaveLength(1));
  await waitFor(() => expect(app.page.name).toBe("start"));
  expect(opened()).toEqual([]);
  chosen = FILES;
  button.click();
  expect(await screen.findByTestId("service-row-web")).toBeTruthy();
  expect(opened()).toEqual([sourceOf(FILES)]);
  expect(called("plugin:dialog|open")[0]?.[1]).toMatchObject({
    options: { multiple: true, filters: [{ extensions: ["yaml", "yml"] }] },
  });
});

test("a second start opens its file in this window", async () => {
  await openStart();
  await emit("open", source);
  expect(await screen.findByTestId("service-row-web")).toBeTruthy();
  expect(opened()).toEqual([source]);
});

test("a file that the dialog can't be opened for is told", async () => {
  await openStart({
    "plugin:dialog|open": () => {
      throw { code: "unexpected", message: "no portal answers", hint: null, causes: [] };
    },
  });
  openButton().click();
  expect(await screen.findByText("No portal answers")).toBeTruthy();
});

test("a rollout that is chosen in the tray shows its service, whatever is open", async () => {
  await openStart();
  await emit("show", { project: "unknown", service: "web" });
  expect(app.page.name).toBe("start");
  await emit("show", { project: "shop", service: "web" });
  await waitFor(() => expect(app.page).toEqual({ name: "service", source, service: "web" }));
  expect(opened()).toEqual([source]);
  app.page = { name: "project", source };
  await emit("show", { project: "shop", service: "web" });
  expect(app.page).toEqual({ name: "service", source, service: "web" });
});
