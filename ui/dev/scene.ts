/** What a scene is made of: what the desktop program would answer, and what is done to the page. */
import type { Page } from "playwright-core";

import type {
  CommandError,
  EngineInfo,
  Event,
  Interrupted,
  KeepPlan,
  LogLine,
  Plan,
  Project,
  ProjectSource,
  ProjectSummary,
  ReadyPlan,
  RecentProject,
  Revision,
  RolloutInfo,
} from "../src/backend";

/** A value that comes, one that never does, or why it can't. */
export type Answer<T> = T | "never" | { reject: CommandError };

/** What a container uses, and for how many seconds it has done so. */
export interface Use {
  cpu: number;
  memory: number;
  seconds?: number;
}

/** Moments in it are relative to when the page asks: see `ago`. */
export interface World {
  engine: Answer<EngineInfo>;
  projects: ProjectSummary[];
  recent: RecentProject[];
  rollouts: RolloutInfo[];
  interrupted: Interrupted[];
  project: Answer<Project>;
  plan: Plan;
  readyPlan: ReadyPlan;
  keepPlan: KeepPlan;
  history: Revision[];
  /** Of the one rollout that there may be. */
  events: Event[];
  /** The id of the rollout that Deploy starts. */
  started: Answer<string>;
  logs: LogLine[];
  usage: Record<string, Use>;
  /** What the window is started with. */
  startup: ProjectSource | null;
}

export interface Scene extends World {
  /** Brings the page into the state that is looked at. */
  act?: (page: Page) => Promise<void>;
}

/** A moment so many milliseconds before the page asks for it. */
export const ago = (ms: number): string => `ago:${ms}`;

/** How long before the page asks a moment is, in milliseconds. */
export const msAgo = (at: string | null): number => Number(at?.slice("ago:".length));
