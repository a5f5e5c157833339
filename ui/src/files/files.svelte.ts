/** Changes of a project's own files that somebody looks at before they are made. */
import * as backend from "../backend";
import type {
  CommandError,
  FileChange,
  Fix,
  HealthTest,
  KeepPlan,
  Place,
  ProjectSource,
  ReadyPlan,
} from "../backend";

/** A pause in typing after which a change is planned. */
const PLAN_AFTER_MS = 400;

interface FilePlan {
  id: string;
  sourceAfter: ProjectSource;
  files: FileChange[];
}

/** What both kinds of change share: planned for the choices made, applied as it was reviewed. */
abstract class Review<Plan extends FilePlan> {
  plan = $state.raw<Plan | null>(null);
  error = $state.raw<CommandError | null>(null);
  planning = $state(false);
  applying = $state(false);
  place = $state<Place>("override");

  #asked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly source: ProjectSource,
    readonly service: string,
  ) {}

  protected abstract ask(): Promise<Plan>;
  protected abstract make(id: string): Promise<Plan>;

  /** Plans after a pause; called again whenever a choice changes. */
  schedule(pause = PLAN_AFTER_MS): void {
    clearTimeout(this.#timer);
    const asked = ++this.#asked;
    this.planning = true;
    this.#timer = setTimeout(() => void this.#plan(asked), pause);
  }

  async #plan(asked: number): Promise<void> {
    try {
      const plan = await this.ask();
      if (asked !== this.#asked) return;
      this.plan = plan;
      this.error = null;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.error = backend.asCommandError(error);
    }
    this.planning = false;
  }

  get canApply(): boolean {
    return (
      this.plan !== null &&
      this.plan.files.length > 0 &&
      this.error === null &&
      !this.planning &&
      !this.applying
    );
  }

  /** Makes exactly what was reviewed. What opens the project then; none where it failed. */
  async apply(): Promise<ProjectSource | null> {
    if (this.plan === null) return null;
    this.applying = true;
    try {
      return (await this.make(this.plan.id)).sourceAfter;
    } catch (error) {
      this.error = backend.asCommandError(error);
      return null;
    } finally {
      this.applying = false;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked++;
  }
}

/** A service is made ready for rollouts. */
export class ReadyReview extends Review<ReadyPlan> {
  /** Kinds of fixes that are left out. */
  left = $state.raw<ReadonlySet<Fix["kind"]>>(new Set());
  /** Instead of the health check that Teal proposes. */
  health = $state.raw<HealthTest | null>(null);
  /** Instead of the edge's usual image. */
  edgeImage = $state("");
  /** Every fix that a plan has offered; one that is left out stays. */
  offered = $state.raw<ReadyPlan["fixes"]>([]);

  get #request() {
    const wanted = this.offered.map(({ fix }) => fix).filter(({ kind }) => !this.left.has(kind));
    const fixes = this.left.size === 0 ? null : wanted;
    const { source, service, place, health } = this;
    const edgeImage = this.edgeImage === "" ? null : this.edgeImage;
    return { source, service, place, fixes, health, edgeImage };
  }

  protected async ask(): Promise<ReadyPlan> {
    const plan = await backend.planReady(this.#request);
    const isNew = ({ fix }: { fix: Fix }) => !this.offered.some((old) => old.fix.kind === fix.kind);
    this.offered = [...this.offered, ...plan.fixes.filter(isNew)];
    return plan;
  }

  protected make(id: string): Promise<ReadyPlan> {
    return backend.applyReady(this.#request, id);
  }

  leaveOut(kind: Fix["kind"], isLeft: boolean): void {
    const left = new Set(this.left);
    if (isLeft) left.add(kind);
    else left.delete(kind);
    this.left = left;
    this.schedule();
  }
}

/** A service's limits are written into its files. */
export class KeepReview extends Review<KeepPlan> {
  get #request() {
    const { source, service, place } = this;
    return { source, service, place };
  }

  protected ask(): Promise<KeepPlan> {
    return backend.planKeep(this.#request);
  }

  protected make(id: string): Promise<KeepPlan> {
    return backend.applyKeep(this.#request, id);
  }
}
