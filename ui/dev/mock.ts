import type { CommandError, RolloutRequest } from "../src/backend";
import type { World } from "./scene";

/** What a scene does to the page besides what a person can. */
declare global {
  interface Window {
    loseEngine: () => void;
    emitTauri: (event: string, payload: unknown) => void;
  }
}

type Args = Record<string, unknown>;
type Callback = (data: unknown) => unknown;

/**
 * Runs in the page before its scripts and stands for the desktop program, so that every state of
 * the window can be looked at in a browser. Never part of the bundle; goes there as its own text, so
 * that it uses nothing from outside of itself.
 */
export function mockTauri(scene: World): void {
  const callbacks = new Map<number, Callback>();
  let next = 1;
  const listeners = new Map<string, number>();
  const run = (id: number, data: unknown) => callbacks.get(id)?.(data);

  function channel(reference: unknown): (message: unknown) => void {
    let index = 0;
    const { id } = reference as { id: number };
    return (message) => run(id, { index: index++, message });
  }

  let lost = false;
  let change: (message: unknown) => void = () => undefined;
  const lostEngine: { reject: CommandError } = {
    reject: {
      code: "noEngine",
      message: "no Docker engine answers at `unix:///var/run/docker.sock`",
      hint: "start Docker (`systemctl start docker`, or Docker Desktop), or check `DOCKER_HOST`",
      causes: ["connection refused (os error 111)"],
    },
  };

  const settle = (answer: unknown): Promise<unknown> => {
    if (answer === "never") return new Promise(() => undefined);
    const rejected = answer as { reject?: CommandError } | null;
    return rejected?.reject ? Promise.reject(rejected.reject) : Promise.resolve(answer);
  };
  /** The scene's times are relative: `ago:1000` happened a second before now. */
  const dated = (value: unknown): unknown => {
    if (typeof value === "string" && value.startsWith("ago:")) {
      return new Date(Date.now() - Number(value.slice("ago:".length))).toISOString();
    }
    if (Array.isArray(value)) return value.map(dated);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, dated(part)]));
  };

  const plan = (request: RolloutRequest) => {
    const base = structuredClone(scene.plan);
    if (request.change.cpus === null && request.change.memory === null) {
      const { project } = scene;
      const services = typeof project === "object" && "services" in project ? project.services : [];
      const drift = services.find(({ name }) => name === request.service)?.drift;
      return {
        ...base,
        limitsAfter: base.limitsBefore,
        overrideAfter: base.overrideBefore ?? "",
        differences: drift ? base.differences : [],
      };
    }
    const returned = scene.history.find(({ revision }) => revision === request.toRevision);
    if (returned) {
      const { cpus, memory } = returned.limitsAfter;
      base.limitsAfter = returned.limitsAfter;
      base.overrideAfter = base.overrideAfter
        .replace(/cpus: .*/, `cpus: "${cpus}"`)
        .replace(/memory: .*/, `memory: ${(memory ?? 0) / 1024 ** 2}M`);
    }
    return { ...base, options: request.options };
  };

  const commands: Record<string, (args: Args) => unknown> = {
    startup: () => ({ source: scene.startup, version: "0.1.0" }),
    painted: () => null,
    engine_info: () => (lost ? lostEngine : scene.engine),
    list_projects: () => scene.projects,
    recent_projects: () => scene.recent,
    running_rollouts: () => scene.rollouts,
    interrupted_rollouts: () => scene.interrupted,
    open_project: () => scene.project,
    plan_rollout: ({ request }) => plan(request as RolloutRequest),
    rollback_request: ({ source, service, to }) => ({
      source,
      service,
      change: { cpus: 1, memory: 512 * 1024 * 1024 },
      options: scene.plan.options,
      origin: "window",
      toRevision: to,
    }),
    history: () => scene.history,
    start_rollout: () => scene.started,
    plan_ready: () => scene.readyPlan,
    plan_keep: () => scene.keepPlan,
    sample_up: () => "never",
    follow_rollout: ({ events }) => {
      const send = channel(events);
      for (const event of scene.events) send(dated(event));
      return 1;
    },
    follow_usage: ({ containers, samples }) => {
      const send = channel(samples);
      const now = Date.now;
      const begin = now();
      const wave = (k: number, seed: number) =>
        1 + 0.12 * Math.sin(k / 9 + seed) + 0.06 * Math.sin(k / 2.3 + seed);
      for (const [n, container] of (containers as string[]).entries()) {
        const { seconds = 420, ...use } = scene.usage[container] ?? { cpu: 0.2, memory: 9e7 };
        for (let k = seconds; k >= 0; k--) {
          // The page notes when a sample comes.
          Date.now = () => begin - k * 1000;
          const grown = Math.min(1, 0.55 + (seconds - k) / (seconds || 1));
          send({
            container,
            cpu: k === 0 ? use.cpu : use.cpu * wave(k, n) ** 2,
            memory: k === 0 ? use.memory : use.memory * grown * (0.97 + 0.03 * wave(k, n)),
          });
        }
      }
      Date.now = now;
      return 2;
    },
    follow_logs: ({ container, lines }) => {
      const all = scene.logs.filter((line) => line.container === container);
      if (all.length > 0) channel(lines)(dated(all));
      return 3;
    },
    follow_changes: ({ changes }) => {
      change = channel(changes);
      return 4;
    },
    unfollow: () => null,
    "plugin:event|listen": ({ event, handler }) => {
      listeners.set(event as string, handler as number);
      return next++;
    },
    "plugin:event|unlisten": () => null,
  };

  window.loseEngine = () => {
    lost = true;
    change({ type: "engine", connected: false });
  };
  window.emitTauri = (event, payload) => {
    const handler = listeners.get(event);
    if (handler !== undefined) run(handler, { event, id: 0, payload });
  };
  const internals = {
    metadata: {
      currentWindow: { label: "main" },
      currentWebview: { label: "main", windowLabel: "main" },
    },
    transformCallback(callback: Callback | undefined, once = false) {
      const id = next++;
      callbacks.set(id, (data) => {
        if (once) callbacks.delete(id);
        return callback?.(data);
      });
      return id;
    },
    unregisterCallback: (id: number) => callbacks.delete(id),
    runCallback: run,
    callbacks,
    invoke: (command: string, args?: Args) => {
      const answer = commands[command];
      return answer
        ? settle(dated(answer(args ?? {})))
        : Promise.reject(new Error(`unknown command ${command}`));
    },
  };
  Object.assign(window, {
    __TAURI_INTERNALS__: internals,
    __TAURI_EVENT_PLUGIN_INTERNALS__: { unregisterListener: () => undefined },
  });
}
