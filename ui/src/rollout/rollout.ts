/** What a rollout looks like: its events, folded one by one. Pure, so that replay equals live. */
import type {
  Color,
  Event,
  Failure,
  Flow,
  Health,
  Outcome,
  Phase,
  Plan,
  Receipt,
  Replica,
  RolloutOptions,
} from "../backend";
import { OUTCOME_SENTENCES, PHASES, PHASE_TITLES, USUAL_HEALTH_TIMEOUT_MS } from "../backend";
import { formatLimits } from "../units/limits";

/** How long Green may take to become healthy with these options, in milliseconds. */
export function healthTimeout({ healthTimeoutMs }: RolloutOptions): number {
  return healthTimeoutMs ?? USUAL_HEALTH_TIMEOUT_MS;
}

export type PhaseStatus = "pending" | "running" | "done" | "failed";
export type Status =
  "progressing" | "rollingBack" | "succeeded" | "refused" | "restored" | "failed";

export interface PhaseView {
  phase: Phase;
  status: PhaseStatus;
  /** Since the rollout started. */
  startedMs: number | null;
  elapsedMs: number | null;
  deadlineMs: number | null;
  /** What happens now, in a sentence. */
  step: string | null;
}

export interface Poll {
  container: string;
  health: Health;
  sinceStartMs: number;
  output: string | null;
}

export interface Line {
  at: string;
  elapsedMs: number;
  text: string;
  tone: "plain" | "good" | "warning" | "bad";
}

export interface RolloutView {
  id: string;
  project: string;
  service: string;
  status: Status;
  /** The wall clock of the rollout's beginning, from which a running clock counts. */
  startedAt: number | null;
  /** Of the last event. */
  elapsedMs: number;
  plan: Plan | null;
  phases: PhaseView[];
  current: Phase | null;
  blue: Replica[];
  green: Replica[];
  /** Every container that ever was Green's, also those that are gone. */
  greenIds: readonly string[];
  /** The share of new requests that Green gets. */
  greenPercent: number;
  polls: Poll[];
  answers: { blue: number; green: number; failed: number; wanted: number } | null;
  drain: { inFlight: number | null; elapsedMs: number } | null;
  /** What goes through each set now, whoever asks; none where it can't be counted. */
  flow: Record<Color, Flow | null>;
  receipt: Receipt | null;
  /** The 99th percentile of the probe over time, for the chart. */
  latencies: number[];
  warnings: string[];
  rollingBack: string | null;
  outcome: Outcome | null;
  failure: Failure | null;
  leftBehind: string[];
  lines: Line[];
}

const LATENCIES = 120;
const LINES = 2000;

export function emptyRollout(id: string, project: string, service: string): RolloutView {
  return {
    id,
    project,
    service,
    status: "progressing",
    startedAt: null,
    elapsedMs: 0,
    plan: null,
    phases: PHASES.map((phase) => ({
      phase,
      status: "pending",
      startedMs: null,
      elapsedMs: null,
      deadlineMs: null,
      step: null,
    })),
    current: null,
    blue: [],
    green: [],
    greenIds: [],
    greenPercent: 0,
    polls: [],
    answers: null,
    drain: null,
    flow: { blue: null, green: null },
    receipt: null,
    latencies: [],
    warnings: [],
    rollingBack: null,
    outcome: null,
    failure: null,
    leftBehind: [],
    lines: [],
  };
}

const ENDS: Record<Outcome, Status> = {
  success: "succeeded",
  refused: "refused",
  rolledBack: "restored",
  notRolledBack: "failed",
  healthTimeout: "restored",
  aborted: "restored",
};

function withPhase(view: RolloutView, phase: Phase, change: Partial<PhaseView>): RolloutView {
  const phases = view.phases.map((old) => (old.phase === phase ? { ...old, ...change } : old));
  return { ...view, phases };
}

/** Containers that still are there: what was removed is not part of a set any more. */
function present(replicas: Replica[]): Replica[] {
  return replicas.filter((replica) => replica.state !== "removing" && replica.state !== "dead");
}

function withContainers(view: RolloutView, color: Color, replicas: Replica[]): RolloutView {
  if (color === "blue") return { ...view, blue: present(replicas) };
  const greenIds = [...new Set([...view.greenIds, ...replicas.map(({ id }) => id)])];
  return { ...view, green: present(replicas), greenIds };
}

/** The view after one more event. */
export function fold(view: RolloutView, event: Event): RolloutView {
  const next = apply(view, event);
  const line = lineOf(event);
  return {
    ...next,
    id: event.rollout,
    elapsedMs: event.elapsedMs,
    startedAt: Date.parse(event.at) - event.elapsedMs,
    lines: line ? [...next.lines.slice(-LINES + 1), line] : next.lines,
  };
}

function apply(view: RolloutView, event: Event): RolloutView {
  switch (event.type) {
    case "started":
      return { ...view, project: event.project, service: event.service };
    case "planned":
      return { ...view, plan: event.plan, blue: view.blue.length ? view.blue : event.plan.blue };
    case "phaseStarted":
      return {
        ...withPhase(view, event.phase, {
          status: "running",
          startedMs: event.elapsedMs,
          deadlineMs: event.deadlineMs,
        }),
        current: event.phase,
      };
    case "step":
      return withPhase(view, event.phase, { step: event.text });
    case "phaseDone":
      return withPhase(view, event.phase, { status: "done", elapsedMs: event.tookMs });
    case "phaseFailed":
      return {
        ...withPhase(view, event.phase, { status: "failed", elapsedMs: event.tookMs }),
        failure: event.failure,
      };
    case "containers":
      return withContainers(view, event.color, event.replicas);
    case "healthPoll": {
      const { container, health, sinceStartMs, output } = event;
      return { ...view, polls: [...view.polls, { container, health, sinceStartMs, output }] };
    }
    case "split":
      return { ...view, greenPercent: event.greenPercent };
    case "flow":
      return { ...view, flow: { blue: event.blue, green: event.green } };
    case "answers": {
      const { blue, green, failed, wanted } = event;
      return { ...view, answers: { blue, green, failed, wanted } };
    }
    case "drain":
      return { ...view, drain: { inFlight: event.inFlight, elapsedMs: event.tookMs } };
    // Each caller is warned of as well.
    case "callers":
      return view;
    case "probe":
      return {
        ...view,
        receipt: event.receipt,
        latencies: [...view.latencies.slice(-LATENCIES + 1), event.receipt.p99Ms],
      };
    case "warning":
      return { ...view, warnings: [...view.warnings, event.text] };
    case "rollingBack":
      return { ...view, status: "rollingBack", rollingBack: event.reason };
    case "ended":
      return end(view, event);
  }
}

function end(view: RolloutView, event: Event & { type: "ended" }): RolloutView {
  const status = ENDS[event.outcome];
  // What ran when it ended did not finish: nothing may look as if it went on.
  const phases = view.phases.map((phase) =>
    phase.status === "running"
      ? {
          ...phase,
          status: status === "succeeded" ? ("done" as const) : ("failed" as const),
          elapsedMs: event.elapsedMs - (phase.startedMs ?? event.elapsedMs),
        }
      : phase,
  );
  return {
    ...view,
    status,
    phases,
    current: null,
    flow: { blue: null, green: null },
    outcome: event.outcome,
    failure: event.failure ?? view.failure,
    receipt: event.receipt ?? view.receipt,
    leftBehind: event.leftBehind,
    greenPercent: status === "succeeded" ? 100 : status === "failed" ? view.greenPercent : 0,
    green: status === "restored" || status === "refused" ? [] : view.green,
  };
}

const COLORS: Record<Color, string> = { blue: "Blue", green: "Green" };

/** The event as a line of the event list; `null` for those that come every second. */
function lineOf(event: Event): Line | null {
  const line = (text: string, tone: Line["tone"] = "plain"): Line => ({
    at: event.at,
    elapsedMs: event.elapsedMs,
    text,
    tone,
  });
  switch (event.type) {
    case "started":
      return line(`Rollout of ${event.service} started`);
    case "planned":
      return line(
        `Planned: ${formatLimits(event.plan.limitsBefore)} → ${formatLimits(event.plan.limitsAfter)}`,
      );
    case "phaseStarted":
      return line(`${PHASE_TITLES[event.phase]} started`);
    case "step":
      return line(event.text);
    case "phaseDone":
      return line(`${PHASE_TITLES[event.phase]} done`, "good");
    case "phaseFailed":
      return line(`${PHASE_TITLES[event.phase]} failed: ${event.failure.message}`, "bad");
    case "containers": {
      const states = event.replicas.map((replica) => `${replica.name} ${replica.state}`);
      return line(`${COLORS[event.color]}: ${states.join(", ") || "no containers"}`);
    }
    case "healthPoll":
      return line(`T=${Math.round(event.sinceStartMs / 1000)}s ${event.health}`);
    case "split":
      return line(
        `Blue ${100 - event.greenPercent} %, Green ${event.greenPercent} % of the traffic`,
      );
    case "warning":
      return line(event.text, "warning");
    case "rollingBack":
      return line(`Rolling back: ${event.reason}`, "warning");
    case "ended":
      return line(OUTCOME_SENTENCES[event.outcome], event.outcome === "success" ? "good" : "bad");
    case "callers":
      return event.callers.length > 0 ? null : line(`Nobody keeps ${COLORS[event.color]} any more`);
    case "answers":
    case "drain":
    case "flow":
    case "probe":
      return null;
  }
}

/** Whether the rollout still does something. */
export function isRunning(view: RolloutView): boolean {
  return view.status === "progressing" || view.status === "rollingBack";
}

/** How many phases are done. */
export function phasesDone(view: RolloutView): number {
  return view.phases.filter((phase) => phase.status === "done").length;
}
