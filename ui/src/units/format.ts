/** Numbers and times as the window shows them. Fixed forms, so that columns stay in place. */
import { G, M } from "./limits";

/** Cores in use: `0.62`. */
export function cores(value: number): string {
  return value.toFixed(2);
}

/** Bytes in use, rounded to what a person compares: `401M`, `1.25G`. */
export function bytes(value: number): string {
  if (value >= G) return `${(value / G).toFixed(value >= 10 * G ? 1 : 2)}G`;
  return `${Math.round(value / M)}M`;
}

/** An amount of data: `812 kB`, `3.4 MB`. */
export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** How long something took: `0.2 s`, `20.3 s`, `2 min 05 s`. */
export function took(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/** A running clock: `00:31`, `1:02:03`. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${two(minutes)}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** A whole limit of time: `30 s`, `2 min`. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds >= 120 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** Since when: `24 s`, `12 min`, `5 h`, `3 d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Milliseconds of an answer: `4`, `0.6`. */
export function latency(ms: number): string {
  return ms < 10 ? String(Math.round(ms * 10) / 10) : String(Math.round(ms));
}

/** `4,812` */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** The time of day, `07:41:18`; empty where there is none. */
export function timeOfDay(at: string | null): string {
  if (at === null) return "";
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}

/** The hour and minute of a moment in milliseconds, `07:41`. */
export function hourAndMinute(at: number): string {
  return timeOfDay(new Date(at).toISOString()).slice(0, 5);
}

/** A day and time, `23 Nov, 07:41`. */
export function dayAndTime(at: string): string {
  const date = new Date(at);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return `${day}, ${timeOfDay(at).slice(0, 5)}`;
}

/** `1 replica`, `3 replicas` */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
