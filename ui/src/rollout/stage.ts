/** What the stage shows: who serves what, from a service at rest or from its rollout. */
import type { Color, Flow, Limits, Replica, Service } from "../backend";
import { hasCompleted, limitsInForce, stateOf } from "../engine/services";
import { sizeOf } from "../units/format";
import { isRunning, type RolloutView } from "./rollout";

export interface LaneView {
  color: Color;
  /** Nothing of this set exists: it is still to come, or gone. */
  isEmpty: boolean;
  replicas: Replica[];
  revision: number | null;
  state: string;
  limits: Limits;
  /** Percent of new requests; none where nothing steers or nothing is known. */
  share: number | null;
  /** What goes through it now, at the right: `204 req/s`; none where that is not known. */
  pace: string | null;
  /** What more there is to say there: `3 in flight`. */
  detail: string;
}

export interface Stage {
  blue: LaneView;
  green: LaneView;
  /** Who serves what, in one sentence; the part in `*` is set off. */
  sentence: string;
  /** What goes through the entry point, of both sets together; none where that is not known. */
  pace: string | null;
}

/** The stage of a service; `wanted` are the limits that Green would get. */
export function stageOf(service: Service, run: RolloutView | null, wanted: Limits): Stage {
  return run ? duringRollout(service, run, wanted) : atRest(service, wanted);
}

function atRest(service: Service, wanted: Limits): Stage {
  const running = service.replicas.filter(({ state }) => state === "running");
  const serves = running.length > 0 && service.routes.length > 0;
  return {
    blue: {
      color: "blue",
      isEmpty: service.replicas.length === 0,
      replicas: service.replicas,
      revision: service.revision,
      state: service.replicas.length === 0 ? "not created" : stateOf(service.replicas),
      limits: limitsInForce(service),
      share: serves ? 100 : running.length > 0 ? null : 0,
      pace: null,
      detail: replicasOf(service.replicas.length),
    },
    green: {
      ...emptyGreen(wanted),
      revision: service.revision === null ? null : service.revision + 1,
    },
    sentence: restingSentence(service, running.length > 0),
    pace: null,
  };
}

function emptyGreen(limits: Limits): LaneView {
  return {
    color: "green",
    isEmpty: true,
    replicas: [],
    revision: null,
    state: "created by Deploy",
    limits,
    share: 0,
    pace: null,
    detail: "",
  };
}

function restingSentence(service: Service, runs: boolean): string {
  if (hasCompleted(service)) return "This job has done its work, and nothing has to run.";
  if (!runs) return "Nothing of this service runs, so nobody serves its traffic.";
  if (service.routes.length === 0) {
    return "No Traefik leads to this service: Teal can replace it, but can’t promise that no request fails.";
  }
  return "Blue serves *100 %* of the traffic.";
}

function replicasOf(n: number): string {
  return n === 0 ? "" : n === 1 ? "1 replica" : `${n} replicas`;
}

function duringRollout(service: Service, run: RolloutView, wanted: Limits): Stage {
  const steered = run.plan === null || run.plan.traffic.mode === "steered";
  const green = withPolls(run);
  const greenLimits = run.plan?.limitsAfter ?? wanted;
  const share = (percent: number) => (steered ? percent : null);
  return {
    blue: {
      color: "blue",
      isEmpty: run.blue.length === 0,
      replicas: run.blue,
      revision: run.plan ? run.plan.revisionBefore : service.revision,
      state: run.blue.length === 0 ? "removed" : stateOf(run.blue),
      limits: run.blue[0]?.limits ?? run.plan?.limitsBefore ?? limitsInForce(service),
      share: run.blue.length === 0 ? 0 : share(100 - run.greenPercent),
      pace: paceOf(run.flow.blue),
      detail: detailOf(run, "blue"),
    },
    green: {
      color: "green",
      isEmpty: green.length === 0,
      replicas: green,
      revision: run.plan?.revision ?? null,
      state: green.length === 0 ? (isRunning(run) ? "to come" : "removed") : stateOf(green),
      limits: green[0]?.limits ?? greenLimits,
      share: green.length === 0 ? 0 : share(run.greenPercent),
      pace: paceOf(run.flow.green),
      detail: detailOf(run, "green"),
    },
    pace: paceOfAll(run.flow),
    sentence: steered ? steeredSentence(run) : unsteeredSentence(run),
  };
}

/** The data that a set sends each second. */
function paceOf(flow: Flow | null): string | null {
  if (flow === null) return null;
  return `${sizeOf(flow.bytesSentPerSecond)}/s`;
}

function paceOfAll({ blue, green }: Record<Color, Flow | null>): string | null {
  const flows = [blue, green].filter((flow) => flow !== null);
  if (flows.length === 0) return null;
  return `${sizeOf(flows.reduce((sum, flow) => sum + flow.bytesSentPerSecond, 0))}/s`;
}

function detailOf(run: RolloutView, color: Color): string {
  const drained = color === "blue" && run.current === "removeBlue" ? run.drain?.inFlight : null;
  const inFlight = drained ?? run.flow[color]?.inFlight ?? null;
  return inFlight === null ? replicasOf(run[color].length) : `${inFlight} in flight`;
}

/** Green with the health that was polled last, which is newer than that of its creation. */
function withPolls(run: RolloutView): Replica[] {
  return run.green.map((replica) => {
    const poll = run.polls.findLast(
      ({ container }) => container === replica.id || container === replica.name,
    );
    return poll && replica.health === "starting" ? { ...replica, health: poll.health } : replica;
  });
}

function steeredSentence(run: RolloutView): string {
  const green = run.greenPercent;
  switch (run.status) {
    case "succeeded":
      return "Green serves *100 %* of the traffic. Blue is gone.";
    case "restored":
    case "refused":
      return "Blue serves *100 %* of the traffic, as before.";
    case "failed":
      return run.leftBehind.length > 0
        ? "The rollout failed and was not undone: see below what is left."
        : "The rollout failed and was not undone.";
    case "rollingBack":
      return green === 0
        ? "Blue serves *100 %* of the traffic. Green is taken away."
        : `The traffic goes back to Blue; Green still serves *${green} %*.`;
    case "progressing":
      return progressingSentence(run, green);
  }
}

function progressingSentence(run: RolloutView, green: number): string {
  const wanted = run.answers?.wanted ?? run.plan?.options.answers;
  if (green === 0) {
    const blue = "Blue serves *100 %* of the traffic.";
    if (run.green.length === 0) return `${blue} Green does not exist yet.`;
    return run.current === "verifyTraffic"
      ? `${blue} Green is healthy and gets its share next.`
      : `${blue} Green gets none before it is healthy.`;
  }
  if (green === 100) {
    return run.blue.length === 0
      ? "Green serves *100 %* of the traffic."
      : "Green serves *100 %* of the traffic. Blue ends its requests in flight, then stops.";
  }
  const who =
    green === 50
      ? "Blue and Green each serve *50 %* of the traffic."
      : `Blue serves *${100 - green} %* of the traffic, Green *${green} %*.`;
  return wanted === undefined || run.current !== "verifyTraffic"
    ? who
    : `${who} Green becomes the only one after ${wanted} good answers from both.`;
}

function unsteeredSentence(run: RolloutView): string {
  const reason = run.plan?.traffic.mode === "unsteered" ? run.plan.traffic.reason : "";
  switch (run.status) {
    case "succeeded":
      return "Green has replaced Blue. Nothing steered its traffic.";
    case "restored":
    case "refused":
      return "Blue runs as before.";
    case "progressing":
    case "rollingBack":
    case "failed":
      return `Nothing steers the traffic: ${reason}`;
  }
}
