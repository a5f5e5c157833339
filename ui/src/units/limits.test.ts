import { expect, test } from "vitest";

import {
  G,
  M,
  cpuStops,
  formatCpus,
  formatLimits,
  formatMemory,
  fraction,
  memoryStops,
  parseCpus,
  parseMemory,
  within,
} from "./limits";

test.each([
  ["1.5", 1.5],
  [" 2 ", 2],
  [".5", 0.5],
  ["1.", 1],
  ["0.01", 0.01],
  ["0.3333333333", 0.333333333],
])("reads %j CPUs", (text, value) => {
  expect(parseCpus(text)).toEqual({ ok: true, value });
});

test.each([
  "",
  ".",
  "0",
  "-1",
  "1e2",
  "1,5",
  "two",
  "0.009",
  "NaN",
  "Infinity",
  "1.2.3",
  "2000000",
])("refuses %j as CPUs", (text) => {
  expect(parseCpus(text)).toMatchObject({ ok: false });
});

test("says that a CPU limit is too small, not that it is no number", () => {
  expect(parseCpus("0.001")).toEqual({
    ok: false,
    problem: "0.001 CPUs is less than the least there is, 0.01",
  });
});

test.each([
  ["512M", 512 * M],
  ["1.5g", 1.5 * G],
  ["800mb", 800 * M],
  ["64 MiB", 64 * M],
  ["6m", 6 * M],
  ["6291456", 6 * M],
  ["6291456b", 6 * M],
  ["8192k", 8 * M],
  ["1t", 1024 * G],
  ["10.0000001M", 10 * M],
])("reads %j of memory", (text, value) => {
  expect(parseMemory(text)).toEqual({ ok: true, value });
});

test.each(["", "M", "-1M", "5M", "512X", "1e9", "512 M B", "12.3.4M", "1,5g", "9999999t"])(
  "refuses %j of memory",
  (text) => {
    expect(parseMemory(text)).toMatchObject({ ok: false });
  },
);

test("writes what Compose reads, and reads it back", () => {
  for (const [bytes, text] of [
    [768 * M, "768M"],
    [2 * G, "2G"],
    [1.5 * G, "1536M"],
    [6 * M + 1024, "6145K"],
    [6 * M + 1, "6291457"],
  ] as const) {
    expect(formatMemory(bytes)).toBe(text);
    expect(parseMemory(text)).toEqual({ ok: true, value: bytes });
  }
  expect(formatCpus(1)).toBe("1");
  expect(formatCpus(0.1 + 0.2)).toBe("0.3");
  expect(formatLimits({ cpus: 1.5, memory: null })).toBe("1.5 CPU, any memory");
});

test("keeps a limit between the reservation and the engine's size", () => {
  const reading = parseCpus("2");
  expect(within(reading, 4, 1, formatCpus)).toEqual({ ok: true, value: 2 });
  expect(within(reading, 1, null, formatCpus)).toMatchObject({ ok: false });
  expect(within(reading, 4, 2.5, formatCpus)).toMatchObject({ ok: false });
});

test.each([1, 2, 6, 8, 12, 64])("has rising CPU stops up to %d cores", (cpus) => {
  const stops = cpuStops({ cpus });
  expect(stops[0]).toBe(0.01);
  expect(stops.at(-1)).toBe(cpus);
  expect(stops).toEqual([...stops].sort((a, b) => a - b));
  expect(new Set(stops).size).toBe(stops.length);
});

test("has rising memory stops that people would write", () => {
  const stops = memoryStops({ memory: 23 * G + 12345 });
  expect(stops[0]).toBe(6 * M);
  expect(stops.at(-1)).toBe(23 * G);
  expect(stops).toContain(512 * M);
  expect(stops).toContain(768 * M);
  expect(stops).toEqual([...new Set(stops)].sort((a, b) => a - b));
});

test("finds a value's place between two stops", () => {
  expect(fraction(10, [0, 10, 20])).toBe(0.5);
  expect(fraction(5, [0, 10, 20])).toBe(0.25);
  expect(fraction(-5, [0, 10, 20])).toBe(0);
  expect(fraction(99, [0, 10, 20])).toBe(1);
});
