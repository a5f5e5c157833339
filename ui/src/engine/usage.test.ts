import { expect, test } from "vitest";

import { KEPT_MS, lineOf, quantile, Series } from "./usage";

function series(...memory: [seconds: number, memory: number][]): Series {
  const one = new Series();
  for (const [seconds, used] of memory) one.add({ cpu: 0.1, memory: used }, seconds * 1000);
  return one;
}

test("keeps ten minutes, and the peak for good", () => {
  const one = series([1, 900], [2, 100], [2 + KEPT_MS / 1000, 200]);
  expect(one.samples.map(({ memory }) => memory)).toEqual([100, 200]);
  expect(one.peak.memory).toBe(900);
  expect(one.since).toBe(1000);
});

test("a line is that of the busiest container, second by second", () => {
  const line = lineOf([series([10, 5], [11, 9]), series([10, 7], [11, 3])], "memory");
  expect(line).toEqual({ times: [10, 11], values: [7, 9] });
});

test("a line breaks where nobody looked", () => {
  const line = lineOf([series([10, 5], [40, 6])], "memory");
  expect(line).toEqual({ times: [10, 11, 40], values: [5, null, 6] });
});

test("a quantile is a value that was seen; none without samples", () => {
  const one = series(...Array.from({ length: 100 }, (_, n): [number, number] => [n, n]));
  expect(quantile([one], "memory", 0.95)).toBe(95);
  expect(quantile([new Series()], "memory", 0.95)).toBeNull();
});
