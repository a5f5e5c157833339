/** A rollout that is offered ready-made: somebody looks at its plan before agreeing to it. */
import * as backend from "../backend";
import { DEFAULT_OPTIONS } from "../backend";
import type { CommandError, Plan, ProjectSource, RolloutRequest } from "../backend";
import { isRefused } from "./editor.svelte";
import { planChanges } from "./planChange";

/** What is proposed: an earlier revision, or what the files say now. */
export type Proposed = { to: number } | "files";

export class Proposal {
  plan = $state.raw<Plan | null>(null);
  error = $state.raw<CommandError | null>(null);
  busy = $state(false);
  /** How the plan differs from the one that was shown before. */
  changes = $state.raw<string[] | null>(null);
  #request: RolloutRequest | null = null;

  constructor(
    readonly source: ProjectSource,
    readonly service: string,
    readonly what: Proposed,
  ) {}

  /** The revision that this returns to; none where it follows the files. */
  get to(): number | null {
    return this.what === "files" ? null : this.what.to;
  }

  async prepare(): Promise<void> {
    try {
      this.#request =
        this.what === "files"
          ? this.#asTheFilesSay()
          : await backend.rollbackRequest(this.source, this.service, this.what.to);
      this.plan = await backend.planRollout(this.#request);
    } catch (error) {
      this.error = backend.asCommandError(error);
    }
  }

  #asTheFilesSay(): RolloutRequest {
    return {
      source: this.source,
      service: this.service,
      change: { cpus: null, memory: null },
      limitsFromFile: true,
      recreate: false,
      options: DEFAULT_OPTIONS,
      origin: "window",
      toRevision: null,
    };
  }

  get canStart(): boolean {
    return this.plan !== null && !isRefused(this.plan) && !this.busy;
  }

  async start(): Promise<string | null> {
    const { plan } = this;
    if (!this.#request || !plan) return null;
    this.busy = true;
    try {
      return await backend.startRollout(this.#request, plan.id);
    } catch (cause) {
      const error = backend.asCommandError(cause);
      if (error.plan) {
        this.changes = planChanges(plan, error.plan);
        this.plan = error.plan;
      } else this.error = error;
      return null;
    } finally {
      this.busy = false;
    }
  }
}
