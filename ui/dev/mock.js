/**
 * Runs in the page before its scripts and stands for the desktop program, so that every state of
 * the window can be looked at in a browser. Never part of the bundle.
 */
export function mockTauri({ readyPlan, keepPlan, ...scene }) {
  const callbacks = new Map();
  let next = 1;
  const listeners = new Map();
  const run = (id, data) => callbacks.get(id)?.(data);

  function channel(reference) {
    let index = 0;
    const id = reference.id;
    return (message) => run(id, { index: index++, message });
  }

  let lost = false;
  let change = () => undefined;
  const lostEngine = {
    reject: {
      code: "noEngine",
      message: "no Docker engine answers at `unix:///var/run/docker.sock`",
      hint: "start Docker (`systemctl start docker`, or Docker Desktop), or check `DOCKER_HOST`",
      causes: ["connection refused (os error 111)"],
    },
  };

  const never = () => new Promise(() => undefined);
  const settle = (answer) => {
    if (answer === "never") return never();
    if (answer && answer.reject) return Promise.reject(answer.reject);
    return Promise.resolve(answer);
  };
  /** The scene's times are relative: what happened `ms` before now. */
  const agoToTime = (value) => {
    if (Array.isArray(value)) return value.map(agoToTime);
    if (value === null || typeof value !== "object") return value;
    if ("ago" in value) return new Date(Date.now() - value.ago).toISOString();
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, agoToTime(part)]));
  };

  const plan = (request) => {
    const base = structuredClone(scene.plan);
    if (base.reject) return base;
    if (request.change.cpus === null && request.change.memory === null) {
      const { drift } = scene.project.services.find(({ name }) => name === request.service);
      return {
        ...base,
        limitsAfter: base.limitsBefore,
        overrideAfter: base.overrideBefore ?? "",
        differences: drift ? base.differences : [],
      };
    }
    const returned = scene.history.find(({ revision }) => revision === request.toRevision);
    if (returned) {
      base.limitsAfter = returned.limitsAfter;
      base.overrideAfter = base.overrideAfter
        .replace(/cpus: .*/, `cpus: "${returned.limitsAfter.cpus}"`)
        .replace(/memory: .*/, `memory: ${returned.limitsAfter.memory / 1024 ** 2}M`);
    }
    return { ...base, options: request.options };
  };

  const commands = {
    startup: () => ({ source: scene.startup ?? null, version: "0.1.0" }),
    painted: () => null,
    engine_info: () => (lost ? lostEngine : scene.engine),
    list_projects: () => scene.projects,
    recent_projects: () => scene.recent,
    running_rollouts: () => scene.rollouts,
    interrupted_rollouts: () => scene.interrupted ?? [],
    open_project: () => scene.project,
    plan_rollout: ({ request }) => plan(request),
    rollback_request: ({ source, service, to }) => ({
      source,
      service,
      change: { cpus: 1, memory: 512 * 1024 * 1024 },
      options: scene.plan.options,
      origin: "window",
      toRevision: to,
    }),
    history: () => scene.history,
    start_rollout: () => scene.started ?? "r8",
    plan_ready: () => readyPlan,
    plan_keep: () => keepPlan,
    sample_up: () => "never",
    follow_rollout: ({ events }) => {
      const send = channel(events);
      for (const event of agoToTime(scene.events ?? [])) send(event);
      return 1;
    },
    follow_usage: ({ containers, samples }) => {
      const send = channel(samples);
      const now = Date.now;
      const begin = now();
      const wave = (k, seed) => 1 + 0.12 * Math.sin(k / 9 + seed) + 0.06 * Math.sin(k / 2.3 + seed);
      for (const [n, container] of containers.entries()) {
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
      const all = agoToTime(scene.logs ?? []).filter((line) => line.container === container);
      if (all.length > 0) channel(lines)(all);
      return 3;
    },
    follow_changes: ({ changes }) => {
      change = channel(changes);
      return 4;
    },
    unfollow: () => null,
    "plugin:event|listen": ({ event, handler }) => {
      listeners.set(event, handler);
      return next++;
    },
    "plugin:event|unlisten": () => null,
  };

  window.loseEngine = () => {
    lost = true;
    change({ type: "engine", connected: false });
  };
  window.emitTauri = (event, payload) => run(listeners.get(event), { event, id: 0, payload });
  window.__TAURI_INTERNALS__ = {
    metadata: {
      currentWindow: { label: "main" },
      currentWebview: { label: "main", windowLabel: "main" },
    },
    transformCallback(callback, once = false) {
      const id = next++;
      callbacks.set(id, (data) => {
        if (once) callbacks.delete(id);
        return callback?.(data);
      });
      return id;
    },
    unregisterCallback: (id) => callbacks.delete(id),
    runCallback: run,
    callbacks,
    invoke: (command, args) => {
      const answer = commands[command];
      return answer
        ? settle(agoToTime(answer(args ?? {})))
        : Promise.reject(`unknown command ${command}`);
    },
  };
  window.__TAURI_EVENT_PLUGIN_INTERNALS__ = { unregisterListener: () => undefined };
}
