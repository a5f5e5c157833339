/** What a person is about to deploy: the draft of the limits, the options and the plan of both. */
import * as backend from "./backend";
import type {
  CommandError,
  EngineInfo,
  Limits,
  LimitsChange,
  LiveRequest,
  Plan,
  ProjectSource,
  RolloutOptions,
  RolloutRequest,
  Service,
} from "./backend";
import { formatCpus, formatMemory, parseCpus, parseMemory, within, type Reading } from "./limits";
import { planChanges } from "./planChange";
import { isBlocking } from "./services";

/** The specification's own. */
export const DEFAULT_OPTIONS: RolloutOptions = {
  healthTimeoutMs: null,
  pollIntervalMs: 5_000,
  drainTimeoutMs: 30_000,
  force: false,
  noRollback: false,
  answers: 20,
  steps: [50, 100],
  maxErrorPercent: 0,
  maxSlowdown: 4,
  probe: { enabled: true, path: null, perSecond: 10, expectStatus: null },
};

/** A pause in typing after which the plan is made. */
const PLAN_AFTER_MS = 250;

const written = {
  cpus: (limits: Limits) => (limits.cpus === null ? "" : formatCpus(limits.cpus)),
  memory: (limits: Limits) => (limits.memory === null ? "" : formatMemory(limits.memory)),
};

/** Whether the plan's verdicts stop it, given its options. */
export function isRefused(plan: Plan): boolean {
  return plan.verdicts.some((verdict) => isBlocking(verdict, plan.options.force));
}

/** How the limits change: by new containers, or in those that run. */
export type Way = "rollout" | "live";

/** Changes that follow each other faster than this are one: typing, a slider on its way. */
const ONE_CHANGE_MS = 900;
const MOST_PAST = 50;

export interface Draft {
  cpus: string;
  memory: string;
}

export class Editor {
  cpus = $state("");
  memory = $state("");
  way = $state<Way>("rollout");
  options = $state<RolloutOptions>({ ...DEFAULT_OPTIONS });
  plan = $state.raw<Plan | null>(null);
  error = $state.raw<CommandError | null>(null);
  planning = $state(false);
  /** How the plan differs from the one that was agreed to last, until somebody has agreed to it. */
  changes = $state.raw<string[] | null>(null);
  /** What the plan was made for. */
  #plannedFor = $state.raw<string | null>(null);
  /** The last plan of it that did not wait for a yes, or got one. */
  #agreed: Plan | null = null;

  #source: () => ProjectSource;
  #service: () => Service;
  #engine: () => EngineInfo;
  #base: Limits | null = null;
  #past = $state.raw<Draft[]>([]);
  #changedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(source: () => ProjectSource, service: () => Service, engine: () => EngineInfo) {
    this.#source = source;
    this.#service = service;
    this.#engine = engine;
    this.follow(service().limits);
  }

  /** The limits in force; a field that nobody touched goes along when they change. */
  follow(limits: Limits): void {
    const old = this.#base;
    if (old === null || this.cpus === written.cpus(old)) this.cpus = written.cpus(limits);
    if (old === null || this.memory === written.memory(old)) this.memory = written.memory(limits);
    this.#base = limits;
  }

  /** Changes the draft, so that it can be undone. */
  write(change: Partial<Draft>): void {
    const now = Date.now();
    const before = { cpus: this.cpus, memory: this.memory };
    if (now - this.#changedAt > ONE_CHANGE_MS) {
      this.#past = [...this.#past.slice(-MOST_PAST), before];
    }
    this.#changedAt = now;
    this.cpus = change.cpus ?? this.cpus;
    this.memory = change.memory ?? this.memory;
  }

  /** Changes the draft to these limits. */
  writeLimits(limits: Limits): void {
    this.#changedAt = 0;
    this.write({ cpus: written.cpus(limits), memory: written.memory(limits) });
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  /** Takes the last change of the draft back. */
  undo(): void {
    const before = this.#past.at(-1);
    if (!before) return;
    this.#past = this.#past.slice(0, -1);
    this.#changedAt = 0;
    this.cpus = before.cpus;
    this.memory = before.memory;
  }

  /** Back to the limits in force. */
  reset(): void {
    this.writeLimits(this.#service().limits);
  }

  get cpusReading(): Reading | null {
    if (this.cpus.trim() === "") return null;
    const reserved = this.#service().reservations.cpus;
    return within(parseCpus(this.cpus), this.#engine().cpus, reserved, formatCpus);
  }

  get memoryReading(): Reading | null {
    if (this.memory.trim() === "") return null;
    const reserved = this.#service().reservations.memory;
    return within(parseMemory(this.memory), this.#engine().memory, reserved, formatMemory);
  }

  get isValid(): boolean {
    return (this.cpusReading?.ok ?? true) && (this.memoryReading?.ok ?? true);
  }

  /** What differs from the limits in force; an empty field leaves its limit alone. */
  get change(): LimitsChange {
    const { cpus, memory } = this.#service().limits;
    const changed = (reading: Reading | null, now: number | null) =>
      reading?.ok && reading.value !== now ? reading.value : null;
    return {
      cpus: changed(this.cpusReading, cpus),
      memory: changed(this.memoryReading, memory),
    };
  }

  get isChanged(): boolean {
    return this.change.cpus !== null || this.change.memory !== null;
  }

  get request(): RolloutRequest {
    return {
      source: this.#source(),
      service: this.#service().name,
      change: this.change,
      options: { ...this.options },
      origin: "window",
      toRevision: null,
      limitsFromFile: false,
      recreate: false,
    };
  }

  /** Whether what is deployed goes into the running containers. */
  get isLive(): boolean {
    return this.way === "live" && this.isChanged && (this.plan?.liveUpdate.possible ?? false);
  }

  /** Whoever chooses this way has read what is against it. */
  get #liveRequest(): LiveRequest {
    const { source, service, change, origin } = this.request;
    return { source, service, change, origin, force: true };
  }

  /** What somebody asks for now, and what a plan is of. */
  get #wish(): string {
    return JSON.stringify([this.request, this.isChanged && this.way]);
  }

  /** Whether the plan that is shown is of the draft as it is, and nothing of it waits for a yes. */
  get isReviewed(): boolean {
    return this.plan !== null && this.changes === null && this.#plannedFor === this.#wish;
  }

  /** Changes the limits of the running containers, by the plan that is shown. Whether that was done. */
  async updateLive(): Promise<boolean> {
    const { plan } = this;
    if (!this.isValid || !this.isLive || !this.isReviewed || plan === null) return false;
    const done = await this.#begin(() => backend.updateLive(this.#liveRequest, plan.id));
    return done !== undefined;
  }

  /** Plans after a pause; called again whenever the draft or the options change. */
  schedule(): void {
    clearTimeout(this.#timer);
    this.#asked++;
    if (!this.isValid) {
      this.planning = false;
      return;
    }
    this.planning = true;
    this.#timer = setTimeout(() => void this.planNow(), PLAN_AFTER_MS);
  }

  /** Plans the draft as it is; none where it can't be planned. */
  async planNow(): Promise<Plan | null> {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    const wish = this.#wish;
    this.planning = true;
    try {
      const plan = await this.#ask();
      if (asked === this.#asked) {
        this.#show(plan, wish);
        this.error = null;
      }
      return plan;
    } catch (error) {
      if (asked === this.#asked) {
        this.plan = null;
        this.error = backend.asCommandError(error);
      }
      return null;
    } finally {
      if (asked === this.#asked) this.planning = false;
    }
  }

  async #ask(): Promise<Plan> {
    if (this.way === "live" && this.isChanged) {
      const live = await backend.planLive(this.#liveRequest);
      if (live.liveUpdate.possible) return live;
    }
    return backend.planRollout(this.request);
  }

  /** A plan that comes to differ without anybody's doing waits for a yes, if it could have been started. */
  #show(plan: Plan, wish: string): void {
    const agreed = wish === this.#plannedFor ? this.#agreed : null;
    this.plan = plan;
    this.#plannedFor = wish;
    if (agreed === null || isRefused(agreed) || agreed.id === plan.id) this.agree();
    else this.changes = planChanges(agreed, plan);
  }

  /** Shows a plan of the draft as it is that waits for a yes, since it differs from this one. */
  offer(plan: Plan, before: Plan): void {
    this.#plannedFor = this.#wish;
    this.#agreed = before;
    this.#show(plan, this.#wish);
  }

  /** Somebody has seen what changed, or nothing had to be seen. */
  agree(): void {
    this.changes = null;
    this.#agreed = this.plan;
  }

  /** Starts exactly the plan that is shown. The rollout's id. */
  async deploy(): Promise<string | null> {
    if (!this.isValid || !this.isReviewed || this.plan === null) return null;
    return this.start(this.plan);
  }

  /** Starts exactly this plan of the draft. */
  async start(plan: Plan): Promise<string | null> {
    if (isRefused(plan)) return null;
    return (await this.#begin(() => backend.startRollout(this.request, plan.id))) ?? null;
  }

  /** Begins what was reviewed; shows why not, and the new plan where it is another by now. */
  async #begin<T>(begin: () => Promise<T>): Promise<T | undefined> {
    const wish = this.#wish;
    try {
      return await begin();
    } catch (cause) {
      const error = backend.asCommandError(cause);
      if (error.plan) {
        // A plan that is on its way is of the same wish, and older than this one.
        this.stop();
        this.planning = false;
        this.#show(error.plan, wish);
      } else this.error = error;
      return undefined;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked++;
  }
}
