/** What a service's page and row say about it, from what the engine said. */
import type {
  Difference,
  Drift,
  Limits,
  NextUp,
  Readiness,
  Replica,
  Revision,
  Service,
  TrafficPlan,
  Verdict,
} from "../backend";
import { fileName } from "../units/format";

type Tone = "good" | "warning" | "bad" | "none";

/** The limits of what runs; those of the files where nothing does. */
export function limitsInForce(service: Service): Limits {
  const running = service.replicas.find(({ state }) => state === "running");
  return running?.limits ?? service.limits;
}

const NEXT_UP: Record<NextUp, string> = {
  nothing: "leaves",
  recreate: "recreates",
  scale: "scales",
};

/** A file by its name alone: where it lies is on the project's page. */
function inShort(word: string): string {
  return /^([/\\]|[A-Za-z]:[/\\])/.test(word) ? fileName(word) : word;
}

/** A difference as it is read. Where there is no `before`, `after` says in words what has changed. */
export function differenceText({ what, before, after }: Difference): string {
  if (before !== "") return `${what} ${before} → ${after || "none"}`;
  return what === "other" ? after : `${what} ${after}`;
}

/** What the next plain `up` does, in a sentence. */
export function driftSentence(name: string, drift: Drift): string {
  if (drift.nextUp === "nothing" && drift.byHand.length === 0) {
    return `The limits of ${name} were changed while it ran: they last until its containers are made again`;
  }
  const command = `\`${drift.command.map(inShort).join(" ")}\``;
  const by = drift.byHand.length > 0 && drift.differences.length === 0 ? ", changed by hand" : "";
  return `The next plain ${command} ${NEXT_UP[drift.nextUp]} ${name}${by}`;
}

/** How the engine names the front that is Teal's own. */
const EDGE = "Teal's edge";

/** Whether the traffic goes through Teal's edge. */
export function isEdge(traffic: TrafficPlan): boolean {
  return traffic.mode === "steered" && traffic.traefik === EDGE;
}

/** Whether a verdict stops a rollout. */
export function isBlocking({ level }: Verdict, force: boolean): boolean {
  return level === "refused" || (level === "needsforce" && !force);
}

/** State and health in one word. */
export function healthOf(service: Service): { tone: Tone; label: string } {
  if (service.state === null) {
    const [profile] = service.offProfiles;
    return {
      tone: "none",
      label: profile === undefined ? "not created" : `profile ${profile} off`,
    };
  }
  if (hasCompleted(service)) return { tone: "none", label: "completed" };
  if (service.state !== "running") {
    const wrong = service.state === "restarting" || service.state === "dead";
    return { tone: wrong ? "bad" : "none", label: service.state };
  }
  switch (service.health) {
    case "healthy":
      return { tone: "good", label: "healthy" };
    case "starting":
      return { tone: "warning", label: "starting" };
    case "unhealthy":
      return { tone: "bad", label: "unhealthy" };
    case "none":
      return { tone: "good", label: "running" };
  }
}

/** Whether it is a job that has done its work. */
export function hasCompleted({ replicas, verdicts }: Service): boolean {
  return (
    replicas.length > 0 &&
    replicas.every(({ exitCode }) => exitCode === 0) &&
    verdicts.some(({ code }) => code === "oneShot")
  );
}

/** Whether Compose would have it running now: not a job that is done, nor one whose profile is off. */
export function isToRun(service: Service): boolean {
  return !hasCompleted(service) && (service.state !== null || service.offProfiles.length === 0);
}

/** Whether Teal can take something out of its way: it can't make a database ready. */
export function isFixable(verdicts: Verdict[]): boolean {
  return (
    verdicts.some(({ fix }) => fix !== null) &&
    verdicts.every(({ readiness }) => readiness !== "notForBlueGreen")
  );
}

export const READINESS_TITLES: Record<Readiness, string> = {
  ready: "Ready",
  readyAfterFix: "Ready after a fix",
  notForBlueGreen: "Not for blue/green",
};

/** What is not for blue/green is as it should be: nothing is wrong with a database. */
const READINESS_TONES = {
  ready: "good",
  readyAfterFix: "warning",
  notForBlueGreen: "none",
} as const;

/** How ready it is besides that nothing of it was started, which its state says. */
function onceStarted(service: Service): { readiness: Readiness; verdicts: Verdict[] } {
  if (service.replicas.length > 0) return service;
  const verdicts = service.verdicts.filter(({ code }) => code !== "notRunning");
  const order = ["notForBlueGreen", "readyAfterFix", "ready"] as const;
  const worst = order.find((one) => verdicts.some(({ readiness }) => readiness === one));
  return { readiness: worst ?? "ready", verdicts };
}

/** How ready a service is, and the one thing that is most in the way. */
export function readiness(service: Service): { tone: Tone; text: string; reason: string } {
  if (service.edge) return { tone: "none", text: "Teal’s edge", reason: "" };
  const { readiness, verdicts } = onceStarted(service);
  const runs = service.state === "running";
  const tone = readiness === "ready" && !runs ? "none" : READINESS_TONES[readiness];
  const later = service.replicas.length === 0 && readiness === "ready" ? ", once it runs" : "";
  const text = READINESS_TITLES[readiness] + later;
  const [worst, ...others] = verdicts;
  if (!worst) return { tone, text, reason: "" };
  const more = others.length === 0 ? "" : `, and ${others.length} more`;
  return { tone, text, reason: `${worst.reason}${more}` };
}

/** The worst state of a set of containers, in one word. */
export function stateOf(replicas: Replica[]): string {
  const running = replicas.filter(({ state }) => state === "running");
  if (replicas.length === 0) return "none";
  if (running.length < replicas.length) {
    return replicas.find(({ state }) => state !== "running")?.state ?? "stopped";
  }
  const order = ["unhealthy", "starting", "none", "healthy"] as const;
  const worst = order.find((health) => running.some((replica) => replica.health === health));
  return worst === "none" || worst === undefined ? "running" : worst;
}

/** Whether a service ran with this revision's limits when its rollout ended. */
export function tookEffect(revision: Revision): boolean {
  return revision.outcome === null || revision.outcome === "success";
}

/** The revision that one click returns to: the one in effect before the present one. */
export function rollbackTarget(history: Revision[]): Revision | null {
  return history.filter(tookEffect)[1] ?? null;
}
