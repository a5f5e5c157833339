/**
 * CPU and memory limits as people write them and as Compose keeps them. Reads and writes exactly
 * what the engine does, which its tests keep in `testing/limits.json`; bounds and messages are its own.
 */
import { LEAST_CPUS, LEAST_MEMORY, LIMIT_PROBLEMS } from "../backend";
import type { EngineInfo, Limits } from "../backend";

/** A limit that was read, or why it can't be: values stand in backticks. */
export type ParseResult = { ok: true; value: number } | { ok: false; problem: string };

const K = 1024;
export const M = K * K;
export const G = K * M;
const T = K * G;
const P = K * T;

const bad = (problem: string): ParseResult => ({ ok: false, problem });
const refused = (problem: keyof typeof LIMIT_PROBLEMS, typed: string): ParseResult =>
  bad(LIMIT_PROBLEMS[problem].replace("{}", () => typed));
const NANO = 1e9;

/** Cores from a decimal such as `0.5` or `2`, kept to a billionth as Docker does. */
export function parseCpus(text: string): ParseResult {
  const written = text.trim();
  const cores = /^(\d+\.?\d*|\.\d+)$/.test(written) ? Number(written) : NaN;
  const known = Number.isFinite(cores) && cores <= 1e6;
  if (!known || cores === 0) return refused("noCpus", written);
  const value = Math.round(cores * NANO) / NANO;
  if (value < LEAST_CPUS) return refused("tooFewCpus", written);
  return { ok: true, value };
}

const UNITS: Record<string, number> = { "": 1, b: 1 };
for (const [letter, size] of Object.entries({ k: K, m: M, g: G, t: T, p: P })) {
  for (const unit of [letter, `${letter}b`, `${letter}ib`]) UNITS[unit] = size;
}

/** Bytes from an amount as Compose writes it: `512M`, `1.5g`, `800mb` or a number of bytes. */
export function parseMemory(text: string): ParseResult {
  const written = text.trim();
  const parts = /^(\d+\.?\d*|\.\d+)\s*([a-z]*)$/i.exec(written);
  const size = UNITS[parts?.[2]?.toLowerCase() ?? ""];
  const bytes = parts && size !== undefined ? Number(parts[1]) * size : NaN;
  if (!Number.isFinite(bytes) || bytes > 2 ** 53) return refused("noMemory", written);
  const value = Math.trunc(bytes);
  if (value < LEAST_MEMORY) return refused("tooLittleMemory", written);
  return { ok: true, value };
}

/** `1.5`, as Compose writes it. */
export function formatCpus(cores: number): string {
  return String(Math.round(cores * NANO) / NANO);
}

/** The shortest exact form that Compose reads: `512M`, `1G`, else bytes. */
export function formatMemory(bytes: number): string {
  for (const [unit, size] of [
    ["G", G],
    ["M", M],
    ["K", K],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** `1.5 CPU, 768M`; a missing limit is said, not left out. */
export function formatLimits(limits: Limits): string {
  const cpus = limits.cpus === null ? "any" : formatCpus(limits.cpus);
  const memory = limits.memory === null ? "any memory" : formatMemory(limits.memory);
  return `${cpus} CPU, ${memory}`;
}

/** The next CPU limit that a person would write, in cores. */
export function roundUpCpus(cores: number): number {
  const step = cores < 0.1 ? 0.01 : 0.05;
  return Math.round(Math.ceil(cores / step - 1e-9) * step * 100) / 100;
}

/** The next memory limit that a person would write, in bytes. */
export function roundUpMemory(bytes: number): number {
  const step = (bytes < 64 * M ? 4 : bytes < G ? 16 : 128) * M;
  return Math.ceil(bytes / step) * step;
}

/** Checks a reading against the engine's size and the service's reservation. */
export function within(
  reading: ParseResult,
  most: number,
  reserved: number | null,
  format: (value: number) => string,
): ParseResult {
  if (!reading.ok) return reading;
  if (reading.value > most) {
    return bad(`${format(reading.value)} is more than the engine has, ${format(most)}`);
  }
  if (reserved !== null && reading.value < reserved) {
    return bad(`${format(reading.value)} is below the reservation of ${format(reserved)}`);
  }
  return reading;
}

/** The stops of the CPU slider: finer where limits are small. */
export function cpuStops(engine: Pick<EngineInfo, "cpus">): number[] {
  const stops = [LEAST_CPUS, 0.02, 0.05];
  const add = (step: number, until: number) => {
    for (let n = 1; ; n++) {
      const next = Math.round(((stops.at(-1) ?? 0) + step) * 100) / 100;
      if (next > Math.min(until, engine.cpus)) return;
      stops.push(next);
    }
  };
  add(0.05, 2);
  add(0.25, 8);
  add(0.5, 16);
  add(1, Infinity);
  return stops;
}

/** The stops of the memory slider: four to each doubling, ending at the engine's memory. */
export function memoryStops(engine: Pick<EngineInfo, "memory">): number[] {
  const most = Math.floor(engine.memory / M) * M;
  const stops = [LEAST_MEMORY];
  for (let octave = 8 * M; octave < most; octave *= 2) {
    for (const part of [4, 5, 6, 7]) {
      const stop = (octave / 4) * part;
      if (stop < most) stops.push(stop);
    }
  }
  stops.push(most);
  return stops;
}

/** Where a value lies on a slider with these stops, from 0 to 1. */
export function fraction(value: number, stops: number[]): number {
  const last = stops.length - 1;
  const above = stops.findIndex((stop) => stop >= value);
  if (above === -1) return 1;
  if (above === 0 || last === 0) return 0;
  const low = stops[above - 1] ?? 0;
  const high = stops[above] ?? value;
  return (above - 1 + (value - low) / (high - low)) / last;
}
