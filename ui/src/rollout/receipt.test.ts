import { expect, test } from "vitest";

import { receipt } from "../testing/fixtures";
import { apart } from "./receipt";

test("tells apart what was announced or limited", () => {
  expect(apart(receipt())).toEqual([]);
  const handover = { failed: 6, gapMs: 812, cut: 2 };
  expect(apart(receipt({ handover, limited: 7 }))).toEqual([
    "6 in the announced handover of the port, 0.8 s, 2 requests in flight cut",
    "7 requests answered 429: how often is asked is limited, which tells nothing of the service",
  ]);
});
