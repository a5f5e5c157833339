/** What the window leaves alone: nothing is asked while nothing happens, or while nobody looks. */
import { cleanup, fireEvent, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { asked, called, channel, deploy, openService, program, reset } from "../testing/app";

beforeEach(reset);
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function see(hidden: boolean) {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

const unfollowed = (subscription: number) =>
  called("unfollow").some(([, args]) => args.subscription === subscription);

test("a window in which nothing happens asks for nothing", async () => {
  await openService({ follow_usage: () => 7, follow_logs: () => 8 });
  await waitFor(() => expect(called("follow_logs")).toHaveLength(1));
  await waitFor(() => expect(called("plan_rollout")).toHaveLength(1));
  vi.useFakeTimers();
  const before = asked().length;
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(asked().slice(before)).toEqual([]);
});

test("a hidden window follows neither use nor logs, and reads logs on where they were left", async () => {
  const line = (second: number) => ({
    container: "blue-1",
    at: `2026-11-24T07:00:0${second}.5Z`,
    stderr: false,
    text: `line ${second}`,
  });
  let number = 0;
  await openService({
    follow_usage: () => 7,
    follow_logs: ({ lines, after }) => {
      channel(lines)(after === null ? [line(1), line(2)] : [line(3)]);
      return 80 + number++;
    },
  });
  await waitFor(() => expect(called("follow_usage")).toHaveLength(1));
  await waitFor(() => expect(called("follow_logs")).toHaveLength(1));
  see(true);
  await waitFor(() => expect(unfollowed(7)).toBe(true));
  await waitFor(() => expect(unfollowed(80)).toBe(true));
  expect(called("follow_logs")).toHaveLength(1);
  see(false);
  await waitFor(() => expect(called("follow_usage")).toHaveLength(2));
  await waitFor(() => expect(called("follow_logs")).toHaveLength(2));
  expect(called("follow_logs")[1]?.[1]).toMatchObject({ after: line(2).at });
  const shown = () => screen.getAllByText(/^line \d$/).map(({ textContent }) => textContent);
  await waitFor(() => expect(shown()).toEqual(["line 1", "line 2", "line 3"]));
});

test("logs that another tab covers are not followed", async () => {
  await openService({ follow_logs: () => 80 });
  await waitFor(() => expect(called("follow_logs")).toHaveLength(1));
  await fireEvent.click(screen.getByTestId("tab-events"));
  await waitFor(() => expect(unfollowed(80)).toBe(true));
  await fireEvent.click(screen.getByTestId("tab-logs"));
  await waitFor(() => expect(called("follow_logs")).toHaveLength(2));
});

test("a rollout's logs are read also while nobody looks, since they may go with Green", async () => {
  await deploy({ follow_logs: ({ container }) => (container === "green-1" ? 82 : 81) });
  await waitFor(() => expect(called("follow_logs")).toHaveLength(2));
  see(true);
  program.tell({ type: "phaseStarted", phase: "healthCheck", deadlineMs: null });
  await waitFor(() =>
    expect(screen.getByTestId("phase-healthCheck").dataset.status).toBe("running"),
  );
  expect(unfollowed(82)).toBe(false);
  program.tell({ type: "ended", outcome: "success", failure: null, receipt: null, leftBehind: [] });
  await waitFor(() => expect(unfollowed(82)).toBe(true));
});

test("ten thousand lines are in the list, and only those in sight on the page", async () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => ({
    container: "blue-1",
    at: new Date(1_790_000_000_000 + n).toISOString(),
    stderr: false,
    text: `line ${n}`,
  }));
  await openService({
    follow_logs: (args) => {
      channel(args.lines)(lines);
      return 80;
    },
  });
  const list = await screen.findByRole("log");
  await waitFor(() =>
    expect(list.querySelector<HTMLElement>(".all")?.style.height).toBe(`${10_000 * 21}px`),
  );
  expect(list.querySelectorAll(".row").length).toBeLessThan(100);
  await fireEvent.input(screen.getByTestId("log-find"), { target: { value: "line 99" } });
  await waitFor(() => expect(screen.getByTestId("log-matches").textContent).toBe("111"));
});
