/** Endless things that a page opens and closes: use of containers, log lines. */
import { SvelteMap } from "svelte/reactivity";

import * as backend from "./backend";
import type { CommandError, LogLine, Usage } from "./backend";

const MOST_LINES = 10_000;
const TAIL = 200;

export interface Use {
  cpu: number;
  memory: number;
}

/** Live use by container. */
export class UsageFeed {
  readonly use = new SvelteMap<string, Use>();

  /** Follows exactly these containers until the returned function is called. */
  follow(containers: string[]): () => void {
    const wanted = new Set(containers);
    for (const id of this.use.keys()) if (!wanted.has(id)) this.use.delete(id);
    if (containers.length === 0) return () => undefined;
    return backend.followUsage(containers, (sample) => this.#add(sample), ignore);
  }

  #add({ container, cpu, memory }: Usage): void {
    this.use.set(container, { cpu, memory });
  }

  /** Use of the busiest of these containers; none before a sample has come. */
  highest(containers: string[]): Use | null {
    const all = containers.flatMap((id) => this.use.get(id) ?? []);
    if (all.length === 0) return null;
    return {
      cpu: Math.max(...all.map((use) => use.cpu)),
      memory: Math.max(...all.map((use) => use.memory)),
    };
  }
}

/** A container that stopped has no use to tell: an empty meter says so already. */
function ignore(): void {
  return undefined;
}

export interface KeyedLine extends LogLine {
  key: number;
  /** When it was written, in milliseconds; that of the line before where the log has no times. */
  time: number;
}

/** The logs of several containers in one list, by time. */
export class LogFeed {
  lines = $state.raw<KeyedLine[]>([]);
  error = $state.raw<CommandError | null>(null);
  #followed = new Map<string, backend.Stop>();
  #keys = 0;

  /** Follows this container as well; the lines of one that went away stay. */
  follow(container: string): void {
    if (this.#followed.has(container)) return;
    const stop = backend.followLogs(
      container,
      TAIL,
      (lines) => this.#add(lines),
      (error) => (this.error = error),
    );
    this.#followed.set(container, stop);
  }

  #add(lines: LogLine[]): void {
    const last = this.lines.at(-1)?.time ?? 0;
    let time = last;
    const fresh = lines.map((line) => {
      time = line.at === null ? time : Date.parse(line.at);
      return { ...line, key: this.#keys++, time };
    });
    const all = [...this.lines, ...fresh];
    // Containers answer one after the other: only then is anything out of order.
    if (fresh.some((line) => line.time < last)) all.sort((a, b) => a.time - b.time);
    this.lines = all.length > MOST_LINES ? all.slice(-MOST_LINES) : all;
  }

  stop(): void {
    for (const stop of this.#followed.values()) stop();
    this.#followed.clear();
  }
}
