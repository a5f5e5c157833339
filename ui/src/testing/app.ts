/** The whole page against a desktop program that a test plays. */
import { mockIPC, mockWindows } from "@tauri-apps/api/mocks";
import { fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { expect } from "vitest";

import App from "../app/App.svelte";
import type { Event } from "../backend";
import { app } from "../state/app.svelte";
import { engine, event, green, plan, project, revision, summary, type Said } from "./fixtures";

/** What the desktop program tells the page unasked: drags, menus, a second start. */
export { emit } from "@tauri-apps/api/event";

export type Args = Record<string, unknown>;
export type Answers = Record<string, (args: Args) => unknown>;

/** Delivers to the channel that a command was given, as Tauri does. */
export function channel(reference: unknown) {
  let index = 0;
  const { onmessage } = reference as { onmessage: (message: unknown) => void };
  return (message: unknown) => {
    index++;
    onmessage(message);
    return index;
  };
}

/** What the page asked for, in order. */
let calls: [string, Args][] = [];

/** What a test says for the program; again in each. */
export const program = {
  /** Another one in each test: a rollout is followed once. */
  rollout: "",
  /** An event of the rollout. */
  tell: (said: Said): void => void said,
  /** A change on the engine. */
  change: (message: unknown): void => void message,
};

function answers(over: Answers = {}): Answers {
  let told = 0;
  return {
    startup: () => ({ source: null, version: "0.1.0" }),
    engine_info: () => engine,
    list_projects: () => [summary],
    recent_projects: () => [],
    running_rollouts: () => [],
    interrupted_rollouts: () => [],
    open_project: () => project(),
    plan_rollout: () => plan(),
    start_rollout: () => program.rollout,
    history: () => [revision(7), revision(6)],
    rollback_request: () => ({ toRevision: 6 }),
    follow_rollout: ({ id, events }) => {
      const send = channel(events) as (event: Event) => void;
      program.tell = (said) => send({ ...event(told++ * 1000, said), rollout: id as string });
      program.tell({ type: "started", project: "shop", service: "web" });
      return 1;
    },
    follow_changes: ({ changes }) => {
      program.change = channel(changes);
      return 2;
    },
    ...over,
  };
}

export function open(over: Answers = {}) {
  const known = answers(over);
  mockWindows("main");
  mockIPC(
    (command, args) => {
      calls.push([command, (args ?? {}) as Args]);
      return known[command]?.((args ?? {}) as Args) ?? null;
    },
    { shouldMockEvents: true },
  );
  render(App);
}

export async function openService(over: Answers = {}) {
  open(over);
  await fireEvent.click(await screen.findByTestId("open-project-shop"));
  await fireEvent.click(await screen.findByTestId("service-row-web"));
  await screen.findByTestId("state-chip");
}

/** Everything that was asked for so far. */
export const asked = () => calls;
export const called = (command: string) => calls.filter(([name]) => name === command);
export const text = (testId: string) =>
  screen.getByTestId(testId).textContent.replace(/\s+/g, " ").trim();

/** Before each test. */
export function reset(): void {
  calls = [];
  program.rollout = crypto.randomUUID();
  app.engine = { status: "loading" };
  app.projects = null;
  app.page = { name: "start" };
  app.project = { status: "loading" };
  app.runs = new Map();
  app.interrupted = [];
  app.sample = null;
}

/** Deploys, and tells of it until Green exists. */
export async function deploy(over: Answers = {}) {
  await openService(over);
  await waitFor(() =>
    expect(screen.getByTestId<HTMLButtonElement>("deploy-button").disabled).toBe(false),
  );
  await fireEvent.click(screen.getByTestId("deploy-button"));
  await waitFor(() => expect(text("state-chip")).toBe("Progressing"));
  program.tell({ type: "planned", plan: plan() });
  program.tell({ type: "phaseStarted", phase: "deployGreen", deadlineMs: null });
  program.tell({ type: "containers", color: "green", replicas: [green] });
}
