/** What containers used over the last minutes, kept while the window is open. Pure. */
import type { Usage } from "../backend";

/** What a chart shows at most, in milliseconds. */
export const KEPT_MS = 10 * 60_000;
/** The least that a chart is wide, so that its first minute does not jump. */
export const LEAST_MS = 60_000;
/** Samples that are further apart than this are not joined: nobody looked in between. */
const GAP_MS = 5_000;

export interface Sample {
  /** Milliseconds of the wall clock. */
  at: number;
  cpu: number;
  memory: number;
}

export type Kind = "cpu" | "memory";

/** What one container used. */
export class Series {
  samples: Sample[] = [];
  /** The most that was seen at all, also before what is kept. */
  peak = { cpu: 0, memory: 0 };
  /** When the first sample came. */
  since = 0;

  add({ cpu, memory }: Pick<Usage, "cpu" | "memory">, at: number): void {
    if (this.samples.length === 0 && this.since === 0) this.since = at;
    this.samples.push({ at, cpu, memory });
    const old = this.samples.findIndex((sample) => sample.at >= at - KEPT_MS);
    if (old > 0) this.samples.splice(0, old);
    this.peak = {
      cpu: Math.max(this.peak.cpu, cpu),
      memory: Math.max(this.peak.memory, memory),
    };
  }
}

/** A line of a chart: seconds of the wall clock, and values; `null` breaks the line. */
export interface Line {
  times: number[];
  values: (number | null)[];
}

/** The busiest of several containers, second by second. */
export function lineOf(all: Series[], kind: Kind): Line {
  const most = new Map<number, number>();
  for (const { samples } of all) {
    for (const sample of samples) {
      const second = Math.floor(sample.at / 1000);
      most.set(second, Math.max(most.get(second) ?? 0, sample[kind]));
    }
  }
  const line: Line = { times: [], values: [] };
  for (const second of [...most.keys()].sort((a, b) => a - b)) {
    const last = line.times.at(-1);
    if (last !== undefined && (second - last) * 1000 > GAP_MS) {
      line.times.push(last + 1);
      line.values.push(null);
    }
    line.times.push(second);
    line.values.push(most.get(second) ?? null);
  }
  return line;
}

/** The value that this part of the samples stays below: 0.95 for p95. */
export function quantile(all: Series[], kind: Kind, part: number): number | null {
  const values = all.flatMap(({ samples }) => samples.map((sample) => sample[kind]));
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? null;
}
