/** What to try next after a rollout that failed. Pure. */
import type { Limits } from "../backend";
import { formatMemory, roundUpMemory } from "../units/limits";
import { healthTimeout, type RolloutView } from "./rollout";

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
    const more = roundUpMemory(memory * 1.25);
    return { ...again, memory: more, title: `Deploy again with ${formatMemory(more)}` };
  }
  if (outcome === "healthTimeout" && failure.exitCode === null) {
    const longer = healthTimeout(plan.options) * 2;
    const title = `Deploy again with ${Math.round(longer / 1000)} s for the health check`;
    return { ...again, healthTimeoutMs: longer, title };
  }
  return outcome === "refused" ? null : { ...again, title: "Deploy again" };
}
