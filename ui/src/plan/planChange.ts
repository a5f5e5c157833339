/** How a plan differs from the one that somebody has looked at. */
import type { Plan } from "../backend";
import { formatLimits } from "../units/limits";

/** What can change behind a plan's back, as it is named, and what of the plan tells it. */
const PARTS: [name: string, of: (plan: Plan) => unknown][] = [
  ["Blue’s containers", ({ blue }) => blue.map(({ id }) => id)],
  ["what else Green gets from the files or the image", ({ differences }) => differences],
  ["how its traffic is moved", ({ traffic, handover }) => [traffic, handover]],
  ["what can’t be promised", ({ unpromised, bypass }) => [unpromised, bypass]],
  ["which of Blue’s volumes stay", ({ keptVolumes }) => keptVolumes],
  ["what stands in the way", ({ verdicts }) => verdicts.map(({ level, code }) => [level, code])],
  ["the override", ({ overrideBefore }) => overrideBefore],
  ["the options", ({ options }) => options],
];

/** The limits that the new plan brings, where they are others. */
function limitsChange(before: Plan, after: Plan): string[] {
  const [was, is] = [before, after].map(
    ({ limitsBefore, limitsAfter }) =>
      `${formatLimits(limitsBefore)} → ${formatLimits(limitsAfter)}`,
  );
  return was === is ? [] : [`the limits: ${is ?? ""} instead of ${was ?? ""}`];
}

/** Everything besides the limits. */
export function otherChanges(before: Plan, after: Plan): string[] {
  const text = JSON.stringify;
  return PARTS.filter(([, of]) => text(of(before)) !== text(of(after))).map(([name]) => name);
}

/** Each difference in a few words; the plans do differ. */
export function planChanges(before: Plan, after: Plan): string[] {
  const found = [...limitsChange(before, after), ...otherChanges(before, after)];
  // Values of the environment are in no plan.
  return found.length > 0 ? found : ["a value in the compose files or their environment"];
}
