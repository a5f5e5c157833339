/** A limit that fits what was used, with its reason; and what to try after a failure. Pure. */
import type { Limits } from "./backend";
import { bytes, cores } from "./format";
import { formatCpus, formatMemory, LEAST_CPUS, LEAST_MEMORY, M } from "./limits";
import { healthTimeout, type RolloutView } from "./rollout";
import { quantile, type Kind, type Series } from "./usage";

/** Less says nothing about a service. */
const LEAST_WATCHED_MS = 30_000;
/** Nobody changes a limit that is this close, in parts of it. */
const CLOSE = 0.12;

/** What a service used while somebody looked. */
export interface Watched {
  now: number | null;
  /** What 95 % of the samples of the last minutes stay below. */
  p95: number;
  /** The most since then. */
  peak: number;
  /** When somebody first looked, in milliseconds of the wall clock. */
  since: number;
  /** How long that is before the newest sample, in milliseconds. */
  ms: number;
}

export interface Suggestion {
  /** In cores or bytes; none where the present limit fits. */
  value: number | null;
  reason: string;
}

export function watched(all: Series[], kind: Kind): Watched | null {
  const p95 = quantile(all, kind, 0.95);
  const ends = all.flatMap(({ samples }) => samples.at(-1)?.at ?? []);
  if (p95 === null || ends.length === 0) return null;
  const last = all.flatMap(({ samples }) => samples.at(-1)?.[kind] ?? []);
  const since = Math.min(
    ...all.filter(({ samples }) => samples.length > 0).map((one) => one.since),
  );
  return {
    now: last.length === 0 ? null : Math.max(...last),
    p95,
    peak: Math.max(...all.map(({ peak }) => peak[kind])),
    since,
    ms: Math.max(...ends) - since,
  };
}

/** Memory by its peak, since going above it kills; CPU by its p95, since going above it only waits. */
export function suggest(
  kind: Kind,
  use: Watched | null,
  limit: number | null,
  bounds: { least: number | null; most: number },
): Suggestion | null {
  if (use === null || use.ms < LEAST_WATCHED_MS) return null;
  const isMemory = kind === "memory";
  const format = isMemory ? bytes : cores;
  const base = isMemory ? use.peak : use.p95;
  const least = Math.max(bounds.least ?? 0, isMemory ? LEAST_MEMORY : LEAST_CPUS);
  const value = Math.min(bounds.most, Math.max(least, stepUp(kind, base * 1.2)));
  const of = limit === null ? "" : ` of ${isMemory ? formatMemory(limit) : formatCpus(limit)}`;
  const seen = `${isMemory ? "peak" : "p95"} ${format(base)}${of} in ${minutes(use.ms)}`;
  if (limit !== null && Math.abs(value - limit) <= limit * CLOSE) {
    return { value: null, reason: `Fits: ${seen}` };
  }
  const written = isMemory ? formatMemory(value) : formatCpus(value);
  return { value, reason: `${seen}: 20 % headroom is ${written}` };
}

function minutes(ms: number): string {
  const whole = Math.round(ms / 60_000);
  return whole < 1 ? `${Math.round(ms / 1000)} s` : `${whole} min`;
}

/** The next value that a person would write. */
function stepUp(kind: Kind, value: number): number {
  if (kind === "cpu") {
    const step = value < 0.1 ? 0.01 : 0.05;
    return Math.round(Math.ceil(value / step - 1e-9) * step * 100) / 100;
  }
  const step = (value < 64 * M ? 4 : value < 1024 * M ? 16 : 128) * M;
  return Math.ceil(value / step) * step;
}

/** What to try next after a failure. */
export interface Retry {
  title: string;
  /** Bytes; none leaves what was asked for. */
  memory: number | null;
  healthTimeoutMs: number | null;
}

/** The one thing to try next after this rollout; none where trying again means nothing. */
export function retryAfter(run: RolloutView): Retry | null {
  const { plan, failure, outcome } = run;
  if (plan === null || failure === null || outcome === "success" || outcome === "notRolledBack") {
    return null;
  }
  const again = { memory: null, healthTimeoutMs: null };
  const { memory }: Limits = plan.limitsAfter;
  if (failure.outOfMemory && memory !== null) {
    const more = stepUp("memory", memory * 1.25);
    return { ...again, memory: more, title: `Deploy again with ${formatMemory(more)}` };
  }
  if (outcome === "healthTimeout" && failure.exitCode === null) {
    const longer = healthTimeout(plan.options) * 2;
    const title = `Deploy again with ${Math.round(longer / 1000)} s for the health check`;
    return { ...again, healthTimeoutMs: longer, title };
  }
  return outcome === "refused" ? null : { ...again, title: "Deploy again" };
}
