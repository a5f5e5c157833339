import { expect, test } from "vitest";

import { failure, plan, rolled } from "../testing/fixtures";
import { M } from "../units/limits";
import { retryAfter } from "./retry";

const ended = (outcome: "rolledBack" | "healthTimeout" | "refused", over = {}) =>
  rolled(
    { type: "planned", plan: plan() },
    {
      type: "ended",
      outcome,
      failure: { ...failure, outOfMemory: false, exitCode: null, ...over },
      receipt: null,
      leftBehind: [],
    },
  );

test("what was killed for its memory is tried again with more", () => {
  const retry = retryAfter(ended("rolledBack", { outOfMemory: true, exitCode: 137 }));
  expect(retry).toMatchObject({ title: "Deploy again with 960M", memory: 960 * M });
});

test("what was too slow is tried again with more time", () => {
  expect(retryAfter(ended("healthTimeout"))).toMatchObject({ healthTimeoutMs: 240_000 });
});

test("what is refused is not tried again as it is", () => {
  expect(retryAfter(ended("refused"))).toBeNull();
  expect(retryAfter(ended("rolledBack"))?.title).toBe("Deploy again");
});
