/** Endless things that a page opens and closes: use of containers, log lines. */
import * as backend from "../backend";
import type { CommandError, LogLine, Replica, Usage } from "../backend";
import { plain } from "../logs/logs";
import { KEPT_MS, Series } from "./usage";

const MOST_LINES = 20_000;
/** Of one container: what is read at once of a log that was written before anybody looked. */
const TAIL = 10_000;

export interface Use {
  cpu: number;
  memory: number;
}

/** What containers used, across pages: one that is opened again shows its last minutes at once. */
const known = new Map<string, Series>();

/** Live use by container. */
export class UsageFeed {
  /** Counts samples: what is made of them is made anew with each. */
  #version = $state(0);
  #followed = new Map<string, backend.Stop>();

  /** Follows exactly these containers from now on; the streams of those that stay go on. */
  follow(containers: string[]): void {
    for (const [id, stop] of this.#followed) {
      if (containers.includes(id)) continue;
      stop();
      this.#followed.delete(id);
    }
    for (const id of containers) {
      if (this.#followed.has(id)) continue;
      const stop = backend.followUsage([id], (sample) => this.#add(sample), ignore);
      this.#followed.set(id, stop);
    }
    this.#version++;
    forgetOld();
  }

  #add(sample: Usage): void {
    const series = known.get(sample.container) ?? new Series();
    series.add(sample, Date.now());
    known.set(sample.container, series);
    this.#version++;
  }

  /** What is known of these containers. Read anew whenever a sample comes. */
  series(containers: string[]): Series[] {
    void this.#version;
    return containers.flatMap((id) => known.get(id) ?? []);
  }

  /** Use of the busiest of these containers; none of those that are not followed. */
  highest(containers: string[]): Use | null {
    const followed = containers.filter((id) => this.#followed.has(id));
    const last = this.series(followed).flatMap(({ samples }) => samples.at(-1) ?? []);
    if (last.length === 0) return null;
    return {
      cpu: Math.max(...last.map((use) => use.cpu)),
      memory: Math.max(...last.map((use) => use.memory)),
    };
  }
}

function forgetOld(): void {
  const oldest = Date.now() - KEPT_MS;
  for (const [id, { samples }] of known) {
    if ((samples.at(-1)?.at ?? 0) < oldest) known.delete(id);
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
  /** The text without colours, which is what is found and copied. */
  plain: string;
}

/** A container's log that is read. */
interface Followed {
  /** Of the container. */
  startedAt: string | null;
  stop: backend.Stop;
}

/** The logs of several containers in one list, by time. */
export class LogFeed {
  lines = $state.raw<KeyedLine[]>([]);
  error = $state.raw<CommandError | null>(null);
  #followed = new Map<string, Followed>();
  /** The moment of each container's newest line, after which it is read on. */
  #newest = new Map<string, string>();
  #keys = 0;

  /** Follows these containers as well; the lines of one that went away stay. */
  follow(replicas: Pick<Replica, "id" | "startedAt">[]): void {
    for (const { id, startedAt } of replicas) {
      const followed = this.#followed.get(id);
      // A log is at its end when its container stops: one that was started again is read on.
      if (followed?.startedAt === startedAt) continue;
      followed?.stop();
      const stop = backend.followLogs(
        id,
        TAIL,
        this.#newest.get(id) ?? null,
        (lines) => this.#add(id, lines),
        (error) => (this.error = error),
      );
      this.#followed.set(id, { startedAt, stop });
    }
  }

  /** Stops every stream; whatever is followed again goes on where it was left. */
  pause(): void {
    for (const { stop } of this.#followed.values()) stop();
    this.#followed.clear();
  }

  #add(container: string, lines: LogLine[]): void {
    const newest = lines.findLast(({ at }) => at !== null)?.at;
    if (newest) this.#newest.set(container, newest);
    const last = this.lines.at(-1)?.time ?? 0;
    let time = last;
    const fresh = lines.map((line) => {
      time = line.at === null ? time : Date.parse(line.at);
      return { ...line, key: this.#keys++, time, plain: plain(line.text) };
    });
    const all = [...this.lines, ...fresh];
    // Containers answer one after the other: only then is anything out of order.
    if (fresh.some((line) => line.time < last)) all.sort((a, b) => a.time - b.time);
    this.lines = all.length > MOST_LINES ? all.slice(-MOST_LINES) : all;
  }
}
