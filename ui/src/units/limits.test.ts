import { expect, test } from "vitest";

import vectors from "../testing/limits.json";
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

/** What the engine makes of a text; its tests write these. */
type Read = { text: string; value?: number; problem?: string };

const expected = ({ value, problem }: Read) =>
  value === undefined ? { ok: false, problem } : { ok: true, value };

test.each(vectors.cpus as Read[])("reads $text as CPUs as the engine does", (read) => {
  expect(parseCpus(read.text)).toEqual(expected(read));
});

test.each(vectors.memory as Read[])("reads $text as memory as the engine does", (read) => {
  expect(parseMemory(read.text)).toEqual(expected(read));
});

test.each(vectors.writtenMemory)("writes $bytes bytes as the engine does", ({ bytes, text }) => {
  expect(formatMemory(bytes)).toBe(text);
  expect(parseMemory(text)).toEqual({ ok: true, value: bytes });
});

test("writes CPUs and limits as Compose reads them", () => {
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
