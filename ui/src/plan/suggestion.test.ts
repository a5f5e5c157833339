import { expect, test } from "vitest";

import { Series } from "../engine/usage";
import { M } from "../units/limits";
import { suggest, watched } from "./suggestion";

const bounds = { least: null, most: 16 * 1024 * M };

function used(memory: number, seconds = 120): Series {
  const series = new Series();
  for (let k = 0; k <= seconds; k++) series.add({ cpu: 0.5, memory }, 1000 * (k + 1));
  return series;
}

test("memory is suggested by the peak, with its reason", () => {
  const use = watched([used(401 * M)], "memory");
  expect(suggest("memory", use, 768 * M, bounds)).toEqual({
    value: 496 * M,
    reason: "peak 401M of 768M in 2 min: 20 % headroom is 496M",
  });
});

test("CPU is suggested by its p95, within what the service reserves", () => {
  const use = watched([used(M)], "cpu");
  expect(suggest("cpu", use, 2, { least: null, most: 4 })?.value).toBe(0.6);
  expect(suggest("cpu", use, 2, { least: 1, most: 4 })?.value).toBe(1);
});

test("a limit that fits is said to fit", () => {
  const use = watched([used(401 * M)], "memory");
  const fits = { value: null, reason: "Fits: peak 401M of 512M in 2 min" };
  expect(suggest("memory", use, 512 * M, bounds)).toEqual(fits);
});

test("nothing is suggested after a glance", () => {
  expect(suggest("memory", watched([used(M, 10)], "memory"), null, bounds)).toBeNull();
  expect(suggest("memory", watched([], "memory"), null, bounds)).toBeNull();
});
