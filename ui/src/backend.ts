/**
 * The desktop program, as typed functions. The only file that imports `@tauri-apps/*` or the
 * generated bindings: everything else takes its types and calls from here.
 */
import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWebview } from "@tauri-apps/api/webview";
import { open } from "@tauri-apps/plugin-dialog";

import type { Change } from "./bindings/Change";
import type { ChangeKind } from "./bindings/ChangeKind";
import type { CloseChoice } from "./bindings/CloseChoice";
import type { CommandError } from "./bindings/CommandError";
import type { EngineInfo } from "./bindings/EngineInfo";
import type { Event } from "./bindings/Event";
import type { GivenBack } from "./bindings/GivenBack";
import type { Interrupted } from "./bindings/Interrupted";
import type { KeepPlan } from "./bindings/KeepPlan";
import type { KeepRequest } from "./bindings/KeepRequest";
import type { LiveRequest } from "./bindings/LiveRequest";
import type { LogLine } from "./bindings/LogLine";
import type { Plan } from "./bindings/Plan";
import type { Project } from "./bindings/Project";
import type { ProjectSource } from "./bindings/ProjectSource";
import type { ProjectSummary } from "./bindings/ProjectSummary";
import type { ReadyPlan } from "./bindings/ReadyPlan";
import type { ReadyRequest } from "./bindings/ReadyRequest";
import type { RecentProject } from "./bindings/RecentProject";
import type { Recovery } from "./bindings/Recovery";
import type { Revision } from "./bindings/Revision";
import type { RolloutInfo } from "./bindings/RolloutInfo";
import type { RolloutRequest } from "./bindings/RolloutRequest";
import type { Startup } from "./bindings/Startup";
import type { Usage } from "./bindings/Usage";

export {
  DEFAULT_OPTIONS,
  USUAL_HEALTH_TIMEOUT_MS,
  LEAST_CPUS,
  LEAST_MEMORY,
  LIMIT_PROBLEMS,
  OPTION_BOUNDS,
  OUTCOME_SENTENCES,
  PHASES,
  PHASE_TITLES,
} from "./bindings/values";
export type { Color } from "./bindings/Color";
export type { Caller } from "./bindings/Caller";
export type { AppliedChange } from "./bindings/AppliedChange";
export type { Difference } from "./bindings/Difference";
export type { Drift } from "./bindings/Drift";
export type { Failure } from "./bindings/Failure";
export type { Figures } from "./bindings/Figures";
export type { FileChange } from "./bindings/FileChange";
export type { Fix } from "./bindings/Fix";
export type { Flow } from "./bindings/Flow";
export type { Handover } from "./bindings/Handover";
export type { Health } from "./bindings/Health";
export type { HealthTest } from "./bindings/HealthTest";
export type { Limits } from "./bindings/Limits";
export type { LimitsChange } from "./bindings/LimitsChange";
export type { Outcome } from "./bindings/Outcome";
export type { LiveUpdate } from "./bindings/LiveUpdate";
export type { NextUp } from "./bindings/NextUp";
export type { Phase } from "./bindings/Phase";
export type { Place } from "./bindings/Place";
export type { Readiness } from "./bindings/Readiness";
export type { Receipt } from "./bindings/Receipt";
export type { Replica } from "./bindings/Replica";
export type { RolloutOptions } from "./bindings/RolloutOptions";
export type { Service } from "./bindings/Service";
export type { TrafficPlan } from "./bindings/TrafficPlan";
export type { TraefikInfo } from "./bindings/TraefikInfo";
export type { Verdict } from "./bindings/Verdict";
export type {
  Change,
  CloseChoice,
  CommandError,
  ChangeKind,
  EngineInfo,
  Event,
  GivenBack,
  Interrupted,
  KeepPlan,
  LiveRequest,
  LogLine,
  Plan,
  Project,
  ProjectSource,
  ProjectSummary,
  ReadyPlan,
  RecentProject,
  Recovery,
  Revision,
  RolloutInfo,
  RolloutRequest,
  Startup,
  Usage,
};

/** Ends a subscription; may be called at any time, also before it has begun. */
export type Stop = () => void;

function isCommandError(value: unknown): value is CommandError {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}

/** Any rejection as a `CommandError`: Tauri itself rejects with a bare string. */
export function asCommandError(value: unknown): CommandError {
  if (isCommandError(value)) return value;
  const message = value instanceof Error ? value.message : String(value);
  return { code: "unexpected", message, hint: null, causes: [] };
}

function call<T>(command: string, args?: Record<string, unknown>): Promise<T> {
  return invoke<T>(command, args).catch((error: unknown) => {
    throw asCommandError(error);
  });
}

function follow<T>(
  command: string,
  args: Record<string, unknown>,
  channel: string,
  onMessage: (message: T) => void,
  onError: (error: CommandError) => void,
): Stop {
  let stopped = false;
  const messages = new Channel<T>((message) => {
    if (!stopped) onMessage(message);
  });
  const subscription = call<number>(command, { ...args, [channel]: messages });
  subscription.catch((error: unknown) => {
    if (!stopped) onError(asCommandError(error));
  });
  return () => {
    stopped = true;
    // One that never began has reported its error above, and one that ended is gone already.
    subscription.then((id) => call<null>("unfollow", { subscription: id })).catch(() => undefined);
  };
}

export const startup = () => call<Startup>("startup");
export const painted = () => call<null>("painted");
export const engineInfo = () => call<EngineInfo>("engine_info");
export const listProjects = () => call<ProjectSummary[]>("list_projects");
export const recentProjects = () => call<RecentProject[]>("recent_projects");
export const forgetProject = (source: ProjectSource) => call<null>("forget_project", { source });
export const openProject = (source: ProjectSource) => call<Project>("open_project", { source });
/** Starts what of it does not run. */
export const startProject = (source: ProjectSource) => call<null>("start_project", { source });
export const planRollout = (request: RolloutRequest) => call<Plan>("plan_rollout", { request });
/** Starts the plan with this id; fails with `planChanged` and the new plan where that would be another. */
export const startRollout = (request: RolloutRequest, plan: string) =>
  call<string>("start_rollout", { request, plan });
export const abortRollout = (id: string) => call<null>("abort_rollout", { id });
/** Rollouts that ended before they were done, by whichever process, and that nobody works on. */
export const interruptedRollouts = () => call<Interrupted[]>("interrupted_rollouts");
/** Settles one of them. The rollout's id: a recovery goes on under the id of the rollout that it settles. */
export const recoverRollout = (source: ProjectSource, service: string, way: Recovery) =>
  call<string>("recover_rollout", { source, service, way });
export const runningRollouts = () => call<RolloutInfo[]>("running_rollouts");
export const rollbackRequest = (source: ProjectSource, service: string, to: number | null) =>
  call<RolloutRequest>("rollback_request", { source, service, to });
/** What a change of the limits of the running containers would do. */
export const planLive = (request: LiveRequest) => call<Plan>("plan_live", { request });
/** Changes them, by the plan with this id as `startRollout` does. */
export const updateLive = (request: LiveRequest, plan: string) =>
  call<null>("update_live", { request, plan });
export const planReady = (request: ReadyRequest) => call<ReadyPlan>("plan_ready", { request });
export const applyReady = (request: ReadyRequest, id: string) =>
  call<ReadyPlan>("apply_ready", { request, id });
export const planKeep = (request: KeepRequest) => call<KeepPlan>("plan_keep", { request });
export const applyKeep = (request: KeepRequest, id: string) =>
  call<KeepPlan>("apply_keep", { request, id });
/** Gives the host ports of a service back from the edge, and its files with them. */
export const giveBack = (source: ProjectSource, service: string) =>
  call<GivenBack>("give_back", { source, service });
/** Puts back the files that were changed for a service. */
export const undoFiles = (source: ProjectSource, service: string, kind: ChangeKind) =>
  call<string[]>("undo_files", { source, service, kind });
export const history = (project: string | null, service: string | null) =>
  call<Revision[]>("history", { project, service });
export const sampleUp = () => call<ProjectSource>("sample_up");
export const sampleDown = () => call<null>("sample_down");
/** Asks where to, and writes it there; nothing where the dialog is cancelled. */
export const saveText = (name: string, text: string) => call<null>("save_text", { name, text });
export const closeWindow = (choice: CloseChoice) => call<null>("close_window", { choice });

/** Replays every event of a rollout from its first one, then those to come. */
export const followRollout = (
  id: string,
  onEvent: (event: Event) => void,
  onError: (error: CommandError) => void,
) => follow("follow_rollout", { id }, "events", onEvent, onError);

export const followUsage = (
  containers: string[],
  onSample: (sample: Usage) => void,
  onError: (error: CommandError) => void,
) => follow("follow_usage", { containers }, "samples", onSample, onError);

/** The last `tail` lines and those to come; with `after`, a line's moment, only later ones. */
export const followLogs = (
  container: string,
  tail: number,
  after: string | null,
  onLines: (lines: LogLine[]) => void,
  onError: (error: CommandError) => void,
) => follow("follow_logs", { container, tail, after }, "lines", onLines, onError);

export const followChanges = (
  onChange: (change: Change) => void,
  onError: (error: CommandError) => void,
) => follow("follow_changes", {}, "changes", onChange, onError);

function stopOf(unlisten: Promise<() => void>): Stop {
  return () => void unlisten.then((stop) => stop());
}

/** Somebody closes the window while a rollout runs. */
export const onCloseRequested = (ask: () => void) => stopOf(listen("close-requested", ask));

/** The name of an action that was chosen in the native menu. */
export const onMenu = (choose: (action: string) => void) =>
  stopOf(listen<string>("menu", ({ payload }) => choose(payload)));

/** The program was started once more, on this file. */
export const onOpen = (open: (source: ProjectSource) => void) =>
  stopOf(listen<ProjectSource>("open", ({ payload }) => open(payload)));

/** A rollout's service was chosen in the tray. */
export const onShow = (show: (project: string, service: string) => void) =>
  stopOf(
    listen<{ project: string; service: string }>("show", ({ payload }) =>
      show(payload.project, payload.service),
    ),
  );

/** The size of everything on the page; 1 is the actual one. */
export const setZoom = (factor: number) => getCurrentWebview().setZoom(factor);

/** Files or folders are dragged over the window (`null`: no longer) or dropped on it. */
export const onFileDrop = (over: (active: boolean) => void, drop: (paths: string[]) => void) =>
  stopOf(
    getCurrentWebview().onDragDropEvent(({ payload }) => {
      over(payload.type === "enter" || payload.type === "over");
      if (payload.type === "drop" && payload.paths.length > 0) drop(payload.paths);
    }),
  );

/** Asks for compose files; none where the dialog was cancelled. */
export async function chooseFiles(): Promise<string[]> {
  const chosen = await open({
    title: "Open a compose file",
    multiple: true,
    filters: [{ name: "Compose files", extensions: ["yaml", "yml"] }],
  });
  return chosen ?? [];
}

/** The source that opens these files or this folder. */
export function sourceOf(files: string[]): ProjectSource {
  return { files, envFiles: [], profiles: [], projectName: null, projectDirectory: null };
}
