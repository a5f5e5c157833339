/** What the engine said and which page is open. Components derive from it and keep no copies. */
import * as backend from "../backend";
import type {
  Change,
  CommandError,
  EngineInfo,
  Interrupted,
  Project,
  ProjectSource,
  ProjectSummary,
  RecentProject,
  Recovery,
  Service,
} from "../backend";
import { emptyRollout, fold, isRunning, type RolloutView } from "../rollout/rollout";
import { clock } from "../units/clock.svelte";

export type Load<T> =
  { status: "loading" } | { status: "ready"; value: T } | { status: "failed"; error: CommandError };

export type Page =
  | { name: "start" }
  | { name: "project"; source: ProjectSource }
  | { name: "service"; source: ProjectSource; service: string };

/** Between two tries to reach an engine that does not answer. */
const RETRY_MS = 2000;
/** Changes that come in a burst are read once. */
const SETTLE_MS = 250;
/** The clock of what counts up on screen: the time that a rollout takes, or since when something is up. */
const TICK_MS = 250;
const SLOW_TICK_MS = 1000;

/** The name that the sample's compose file gives its project. */
export const SAMPLE_PROJECT = "teal-sample";

/** Whether two sources open the same project. */
export function sameSource(a: ProjectSource, b: ProjectSource): boolean {
  const key = ({ files, envFiles, profiles, projectName, projectDirectory }: ProjectSource) =>
    JSON.stringify([files, envFiles, profiles, projectName, projectDirectory]);
  return key(a) === key(b);
}

/** A project as the engine and the list of recent ones know it. */
type KnownProject = Pick<ProjectSummary, "name" | "workingDirectory" | "source">;

function engineGone(error: CommandError): boolean {
  return ["noEngine", "engineForbidden", "engineTooOld", "noCompose", "composeTooOld"].includes(
    error.code,
  );
}

export class AppState {
  engine = $state.raw<Load<EngineInfo>>({ status: "loading" });
  projects = $state.raw<ProjectSummary[] | null>(null);
  recent = $state.raw<RecentProject[]>([]);
  page = $state.raw<Page>({ name: "start" });
  project = $state.raw<Load<Project>>({ status: "loading" });
  /** Rollouts of this session by id, oldest first. */
  runs = $state.raw<ReadonlyMap<string, RolloutView>>(new Map());
  /** Rollouts that nobody carries on. */
  interrupted = $state.raw<Interrupted[]>([]);
  asksToClose = $state(false);
  sample = $state.raw<Load<ProjectSource> | null>(null);
  /** Something that failed beside the open page. */
  notice = $state.raw<CommandError | null>(null);
  dragging = $state(false);
  /** Nobody can see the window: nothing is asked and nothing counts until somebody does. */
  isHidden = $state(false);

  #stops: backend.Stop[] = [];
  #followed = new Set<string>();
  #dismissed = $state.raw<ReadonlySet<string>>(new Set());
  #retry: ReturnType<typeof setTimeout> | undefined;
  #settle: ReturnType<typeof setTimeout> | undefined;
  #opening = 0;
  #loading = 0;
  #isStale = false;
  /** Something changed while the window was hidden. */
  #hasMissed = false;

  /** The open project's name, as soon as it is known. */
  openName = $derived(
    this.page.name !== "start" && this.project.status === "ready" ? this.project.value.name : null,
  );
  running = $derived([...this.runs.values()].filter(isRunning));

  /** Begins to listen and opens what the window was started with. Returns what ends it all. */
  start(): () => void {
    const seen = () => this.#seen(!document.hidden);
    document.addEventListener("visibilitychange", seen);
    this.#seen(!document.hidden);
    this.#stops = [
      () => document.removeEventListener("visibilitychange", seen),
      () => clock.run(null),
      $effect.root(() => {
        $effect(() => clock.run(this.#pace));
      }),
      backend.onCloseRequested(() => (this.asksToClose = true)),
      backend.onFileDrop(
        (active) => (this.dragging = active),
        (paths) => this.open(backend.sourceOf(paths)),
      ),
      backend.onOpen((source) => this.open(source)),
      backend.onShow((project, service) => this.show(project, service)),
    ];
    backend
      .startup()
      .then(({ source }) => source && this.open(source))
      .catch(this.#report);
    // What reaches for the engine starts programs, which would keep the first frame waiting.
    let isOver = false;
    requestAnimationFrame(() => requestAnimationFrame(() => isOver || this.#listen()));
    return () => {
      isOver = true;
      clearTimeout(this.#retry);
      clearTimeout(this.#settle);
      this.#settle = undefined;
      for (const stop of this.#stops) stop();
    };
  }

  #listen(): void {
    this.#stops.push(backend.followChanges((change) => this.#changed(change), this.#report));
    void this.connect();
  }

  /** How often the clock ticks; never where nothing on screen counts. */
  get #pace(): number | null {
    if (this.isHidden) return null;
    if (this.running.length > 0) return TICK_MS;
    return this.page.name === "service" ? SLOW_TICK_MS : null;
  }

  /** Somebody sees the window, or nobody does any more. */
  #seen(isSeen: boolean): void {
    this.isHidden = !isSeen;
    if (!isSeen || !this.#hasMissed) return;
    this.#hasMissed = false;
    this.readAgain();
  }

  /** Reaches for the engine, and again by itself until it answers. */
  async connect(): Promise<void> {
    clearTimeout(this.#retry);
    const wasGone = this.engine.status === "failed";
    try {
      const value = await backend.engineInfo();
      this.engine = { status: "ready", value };
      await this.refresh();
      if (wasGone) this.reload();
    } catch (error) {
      this.#engineFailed(backend.asCommandError(error));
    }
  }

  #engineFailed(error: CommandError): void {
    this.engine = { status: "failed", error };
    clearTimeout(this.#retry);
    if (this.isHidden) this.#hasMissed = true;
    else this.#retry = setTimeout(() => void this.connect(), RETRY_MS);
  }

  /** Reads the lists of the sidebar again. */
  async refresh(): Promise<void> {
    const [projects, recent, rollouts, interrupted] = await Promise.all([
      backend.listProjects(),
      backend.recentProjects(),
      backend.runningRollouts(),
      backend.interruptedRollouts(),
    ]);
    this.interrupted = interrupted;
    this.projects = projects;
    this.recent = recent;
    for (const { id, project, service } of rollouts) this.follow(id, project, service);
  }

  #changed(change: Change): void {
    if (change.type === "engine") {
      // The engine itself says why it is gone; one that is known to answer was asked already.
      if (!change.connected || this.engine.status === "failed") void this.connect();
      return;
    }
    if (this.isHidden) {
      this.#hasMissed = true;
      return;
    }
    if (this.openName === null || change.name === this.openName) this.#isStale = true;
    // Not put off again by the next one: where much happens, something always does.
    this.#settle ??= setTimeout(() => {
      this.#settle = undefined;
      this.refresh().catch(this.#report);
      if (this.#isStale) this.reload();
    }, SETTLE_MS);
  }

  open(source: ProjectSource, service?: string): void {
    const same = this.page.name !== "start" && this.#isOpen(source);
    this.page = service ? { name: "service", source, service } : { name: "project", source };
    if (same && this.project.status === "ready") return;
    this.project = { status: "loading" };
    this.#load(source)
      .then(() => backend.recentProjects())
      .then((recent) => (this.recent = recent))
      .catch(this.#report);
  }

  /** Opens a project that is known by its name and its folder, whichever of its files are named. */
  openProject(known: KnownProject): void {
    const { page } = this;
    this.open(page.name !== "start" && this.isOpenProject(known) ? page.source : known.source);
  }

  /** Whether it is the one that is open. */
  isOpenProject({ name, workingDirectory }: KnownProject): boolean {
    if (this.page.name === "start" || this.project.status !== "ready") return false;
    const open = this.project.value;
    return open.name === name && open.workingDirectory === workingDirectory;
  }

  /** Goes to a service of a project that is open or runs on the engine. */
  show(project: string, service: string): void {
    const { page } = this;
    const known = this.projects?.find(({ name }) => name === project)?.source;
    const source = page.name !== "start" && this.openName === project ? page.source : known;
    if (source) this.open(source, service);
  }

  /** Whether this source opens the open project, as it was asked for or with its files resolved. */
  #isOpen(source: ProjectSource): boolean {
    return (
      (this.page.name !== "start" && sameSource(this.page.source, source)) ||
      (this.project.status === "ready" && sameSource(this.project.value.source, source))
    );
  }

  /**
   * Reads the open project again, keeping what is on screen until it has come. One that is being
   * read is read again afterwards: a busy engine would never let it arrive otherwise.
   */
  reload(): void {
    this.#isStale = true;
    if (this.#loading > 0 || this.page.name === "start") return;
    void this.#load(this.page.source);
  }

  async #load(source: ProjectSource): Promise<void> {
    const opening = ++this.#opening;
    const isLatest = () => opening === this.#opening;
    this.#isStale = false;
    this.#loading++;
    try {
      const value = await backend.openProject(source);
      if (isLatest()) this.project = { status: "ready", value };
    } catch (caught) {
      const error = backend.asCommandError(caught);
      if (!isLatest()) return;
      if (engineGone(error)) this.#engineFailed(error);
      else this.project = { status: "failed", error };
    } finally {
      this.#loading--;
      if (this.#isStale) this.reload();
    }
  }

  /** Reads the open project by another source, since its files have changed; the page stays. */
  reopen(source: ProjectSource): void {
    if (this.page.name === "start") return;
    this.page = { ...this.page, source };
    this.reload();
  }

  /** The same after files were put back: one that is gone by that is not part of the source. */
  async reopenWithout(source: ProjectSource, undone: string[]): Promise<void> {
    const files = source.files.filter((file, n) => n === 0 || !undone.includes(file));
    try {
      await backend.openProject(source);
      this.reopen(source);
    } catch {
      this.reopen({ ...source, files });
    }
  }

  /** Reads the open project again, since its files may have changed while nobody looked. */
  lookAgain(): void {
    if (this.engine.status === "ready" && this.project.status === "ready") this.reload();
  }

  /** Reads everything on screen again. */
  readAgain(): void {
    if (this.engine.status !== "ready") void this.connect();
    else this.attempt(this.refresh());
    this.reload();
  }

  async chooseAndOpen(): Promise<void> {
    const files = await backend.chooseFiles();
    if (files.length > 0) this.open(backend.sourceOf(files));
  }

  async forget(source: ProjectSource): Promise<void> {
    await backend.forgetProject(source);
    this.recent = await backend.recentProjects();
  }

  async trySample(): Promise<void> {
    this.sample = { status: "loading" };
    try {
      const value = await backend.sampleUp();
      this.sample = { status: "ready", value };
      this.open(value);
    } catch (error) {
      this.sample = { status: "failed", error: backend.asCommandError(error) };
    }
  }

  async stopSample(): Promise<void> {
    await backend.sampleDown();
    this.sample = null;
    this.page = { name: "start" };
    await this.refresh();
  }

  /** The interrupted rollouts that matter where one is: in a project only its own. */
  get interruptedHere(): Interrupted[] {
    if (this.page.name === "start" || this.project.status === "failed") return this.interrupted;
    if (this.project.status === "loading") return [];
    const { name } = this.project.value;
    return this.interrupted.filter(({ project }) => project === name);
  }

  /** Settles a rollout that was cut off, and shows that. */
  async recover(interrupted: Interrupted, way: Recovery): Promise<void> {
    const { source, project, service, rollout } = interrupted;
    const id = await backend.recoverRollout(source, service, way);
    // It goes on under its own id, which this window may have followed to its first end.
    this.#followed.delete(id);
    this.interrupted = this.interrupted.filter((one) => one.rollout !== rollout);
    this.follow(id, project, service);
    const known = this.projects?.find(({ name }) => name === project);
    this.open(known?.source ?? source, service);
  }

  /** Follows a rollout from its first event. */
  follow(id: string, project: string, service: string): void {
    if (this.#followed.has(id)) return;
    this.#followed.add(id);
    this.#put(emptyRollout(id, project, service));
    const stop = backend.followRollout(
      id,
      (event) => {
        const before = this.runs.get(id) ?? emptyRollout(id, project, service);
        this.#put(fold(before, event));
        if (event.type === "ended") {
          this.reload();
          this.refresh().catch(this.#report);
        }
      },
      this.#report,
    );
    this.#stops.push(stop);
  }

  #put(view: RolloutView): void {
    this.runs = new Map(this.runs).set(view.id, view);
  }

  /** The rollout that a service's page shows: its newest one, unless that was put away. */
  runOf(project: string, service: string): RolloutView | null {
    const newest = [...this.runs.values()].findLast(
      (run) => run.project === project && run.service === service,
    );
    return newest && !this.#dismissed.has(newest.id) ? newest : null;
  }

  /** Puts an ended rollout away. */
  dismiss(id: string): void {
    this.#dismissed = new Set(this.#dismissed).add(id);
  }

  serviceNamed(name: string): Service | null {
    if (this.project.status !== "ready") return null;
    return this.project.value.services.find((service) => service.name === name) ?? null;
  }

  #report = (error: unknown): void => {
    const known = backend.asCommandError(error);
    if (engineGone(known)) this.#engineFailed(known);
    else this.notice = known;
  };

  /** Runs something that a person asked for; a failure becomes the notice. */
  attempt(action: Promise<unknown>): void {
    action.catch(this.#report);
  }
}

export const app = new AppState();
