/** The logs of containers, followed while a page shows them. */
import * as backend from "../backend";
import type { CommandError, LogLine, Replica } from "../backend";
import { plain } from "./logs";

const MOST_LINES = 20_000;
/** Of one container: what is read at once of a log that was written before anybody looked. */
const TAIL = 10_000;

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
