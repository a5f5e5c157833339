/** A service's page: what somebody is about to do to it, and how it is done. */
import * as backend from "../backend";
import { PHASES, PHASE_TITLES } from "../backend";
import type { AppliedChange, EngineInfo, Plan, ProjectSource, Revision, Service } from "../backend";
import { isEdge, rollbackTarget } from "../engine/services";
import { UsageFeed } from "../engine/usageFeed.svelte";
import { KeepReview, ReadyReview } from "../files/files.svelte";
import { Editor, isRefused } from "../plan/editor.svelte";
import { otherChanges } from "../plan/planChange";
import { Proposal, type Proposed } from "../plan/proposal.svelte";
import type { Retry } from "../rollout/retry";
import { isRunning } from "../rollout/rollout";
import { app } from "../state/app.svelte";

/** What the page is about, as its component has it. */
interface Shown {
  projectName: string;
  engine: EngineInfo;
  source: ProjectSource;
  service: Service;
}

/** What was asked for and is not done yet. */
export type Pending = "deploy" | "update" | "proposal" | "undo";

export class ServicePage {
  readonly editor: Editor;
  readonly feed = new UsageFeed();
  history = $state.raw<Revision[] | null>(null);
  proposal = $state.raw<Proposal | null>(null);
  /** Whether the proposal was asked for in the history, and is confirmed there. */
  inHistory = $state(false);
  ready = $state.raw<ReadyReview | null>(null);
  keep = $state.raw<KeepReview | null>(null);
  pending = $state<Pending | null>(null);

  #shown: () => Shown;

  constructor(shown: () => Shown) {
    this.#shown = shown;
    this.editor = new Editor(
      () => shown().source,
      () => shown().service,
      () => shown().engine,
    );
  }

  get run() {
    return app.runOf(this.#shown().projectName, this.#shown().service.name);
  }

  get busy(): boolean {
    return this.pending !== null;
  }

  get running(): boolean {
    return this.run !== null && isRunning(this.run);
  }

  /** What Deploy would bring. */
  get wanted() {
    const { change } = this.editor;
    const { limits } = this.#shown().service;
    return { cpus: change.cpus ?? limits.cpus, memory: change.memory ?? limits.memory };
  }

  get canDeploy(): boolean {
    const { editor } = this;
    if (this.running || this.busy || !editor.isValid || !editor.isReviewed) return false;
    if (editor.plan === null) return false;
    return editor.isLive || !isRefused(editor.plan);
  }

  /** The revision that one click returns to. */
  get target(): Revision | null {
    return this.history && rollbackTarget(this.history);
  }

  /** What a screen reader is told as the rollout goes on. */
  get announcement(): string {
    const { run } = this;
    if (run === null) return "";
    if (run.current && run.status === "progressing") {
      return `Phase ${PHASES.indexOf(run.current) + 1} of ${PHASES.length}: ${PHASE_TITLES[run.current]}`;
    }
    return run.status === "rollingBack" ? "Rolling back" : (run.lines.at(-1)?.text ?? "");
  }

  async readHistory(): Promise<void> {
    const { projectName, service } = this.#shown();
    this.history = await backend.history(projectName, service.name);
  }

  async #while<T>(what: Pending, doing: Promise<T>): Promise<T> {
    this.pending = what;
    try {
      return await doing;
    } finally {
      this.pending = null;
    }
  }

  async #started(what: Pending, id: Promise<string | null>): Promise<void> {
    const known = await this.#while(what, id);
    if (known === null) return;
    this.proposal = null;
    const { projectName, service } = this.#shown();
    app.follow(known, projectName, service.name);
  }

  /** Does what the draft says, in the way that was chosen. */
  async deploy(): Promise<void> {
    if (!this.canDeploy) return;
    if (!this.editor.isLive) return this.#started("deploy", this.editor.deploy());
    if (!(await this.#while("update", this.editor.updateLive()))) return;
    app.reload();
    await this.readHistory();
  }

  /** Agrees to the plan as it has become. */
  deployChanged(): void {
    this.editor.agree();
    void this.deploy();
  }

  propose(what: Proposed, inHistory = false): void {
    const { source, service } = this.#shown();
    this.proposal = new Proposal(source, service.name, what);
    this.inHistory = inHistory;
    void this.proposal.prepare();
  }

  startProposal(): void {
    if (this.proposal) void this.#started("proposal", this.proposal.start());
  }

  /** Back to Blue while a rollout runs, else to the revision before. */
  returnToBefore(): void {
    if (this.running) this.abort();
    else if (this.target) this.propose({ to: this.target.revision });
  }

  abort(): void {
    if (this.run) app.attempt(backend.abortRollout(this.run.id));
  }

  /** Deploys what the failed rollout wanted, with what its failure asks for. */
  retry({ memory, healthTimeoutMs }: Retry): void {
    const failed = this.run?.plan;
    if (!failed) return;
    const { limitsAfter } = failed;
    this.editor.writeLimits({ ...limitsAfter, memory: memory ?? limitsAfter.memory });
    if (healthTimeoutMs !== null) this.editor.options.healthTimeoutMs = healthTimeoutMs;
    void this.#started("deploy", this.#again(failed));
  }

  /** Starts at once what is like the failed one but for what the retry changes; else it is shown. */
  async #again(failed: Plan): Promise<string | null> {
    const plan = await this.editor.planNow();
    if (plan === null) return null;
    const { limitsBefore, limitsAfter, options } = plan;
    const before = { ...failed, limitsBefore, limitsAfter, options };
    if (otherChanges(before, plan).length === 0) return this.editor.start(plan);
    this.editor.offer(plan, before);
    return null;
  }

  makeReady(): void {
    const { source, service } = this.#shown();
    this.ready = new ReadyReview(source, service.name);
  }

  keepLimits(): void {
    const { source, service } = this.#shown();
    this.keep = new KeepReview(source, service.name);
  }

  /** The files were changed: the project is read as they are now. */
  applied(source: ProjectSource): void {
    this.ready = null;
    this.keep = null;
    app.reopen(source);
  }

  /** Whether Teal's edge has the service's host ports. */
  get isBehindEdge(): boolean {
    const { plan } = this.editor;
    return plan !== null && plan.handover === null && isEdge(plan.traffic);
  }

  async undo({ kind }: AppliedChange): Promise<void> {
    const { source, service } = this.#shown();
    const undo = async () => {
      const undone =
        kind === "ready" && this.isBehindEdge
          ? (await backend.giveBack(source, service.name)).files
          : await backend.undoFiles(source, service.name, kind);
      await app.reopenWithout(source, undone);
    };
    await this.#while("undo", undo());
  }
}
