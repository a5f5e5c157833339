import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, expect, test } from "vitest";

import { called, channel, deploy, openService, program, reset, text } from "../testing/app";
import { after, failure, plan, receipt, revision, source } from "../testing/fixtures";
import { M } from "../units/limits";

beforeEach(reset);
// The mock stays: what the page unfollows at its end still has to be answered.
afterEach(cleanup);

test("shows the diff before it deploys what the fields say", async () => {
  await openService();
  await fireEvent.input(screen.getByTestId("cpu-field"), { target: { value: "1.5" } });
  await fireEvent.input(screen.getByTestId("memory-field"), { target: { value: "768M" } });
  expect((await screen.findByTestId("plan-diff")).textContent).toContain('cpus: "1.5"');
  await waitFor(() =>
    expect(called("plan_rollout").at(-1)?.[1]).toMatchObject({ request: { change: after } }),
  );
  await fireEvent.click(screen.getByTestId("deploy-button"));
  await waitFor(() => expect(called("start_rollout")).toHaveLength(1));
  expect(called("start_rollout")[0]?.[1]).toMatchObject({
    request: { change: after, service: "web", origin: "window", toRevision: null },
  });
  await waitFor(() => expect(text("state-chip")).toBe("Progressing"));
});

test("can't deploy a limit that the engine does not have", async () => {
  await openService();
  await waitFor(() =>
    expect(screen.getByTestId<HTMLButtonElement>("deploy-button").disabled).toBe(false),
  );
  await fireEvent.input(screen.getByTestId("cpu-field"), { target: { value: "9" } });
  expect(screen.getByText("9 is more than the engine has, 4")).toBeTruthy();
  expect(screen.getByTestId<HTMLButtonElement>("deploy-button").disabled).toBe(true);
});

test("can't deploy what is refused, and says what to do", async () => {
  const verdict = {
    level: "refused",
    code: "hostPort",
    readiness: "readyAfterFix",
    reason: "publishes port 80",
    meaning: "",
    remedy: "remove it",
    fix: null,
  } as const;
  await openService({ plan_rollout: () => plan({ verdicts: [verdict] }) });
  expect((await screen.findByTestId("verdict-hostPort")).textContent).toContain("Publishes port");
  expect(text("verdict-why")).toContain("Remove it");
  expect(screen.getByTestId<HTMLButtonElement>("deploy-button").disabled).toBe(true);
});

test("follows a rollout to its success and offers the way back", async () => {
  await deploy();
  program.tell({ type: "phaseStarted", phase: "verifyTraffic", deadlineMs: null });
  program.tell({ type: "split", greenPercent: 50 });
  await waitFor(() => expect(text("serving")).toContain("each serve 50 % of the traffic"));
  expect(text("state-chip")).toBe("Progressing · Verify Traffic");
  expect(text("limits-green")).toContain("of 768M");
  expect(screen.getByTestId("phase-verifyTraffic").dataset.status).toBe("running");
  expect(screen.getByTestId<HTMLInputElement>("cpu-field").disabled).toBe(true);
  expect(screen.getByRole("status").textContent).toBe("Phase 4 of 6: Verify Traffic");
  program.tell({
    type: "ended",
    outcome: "success",
    failure: null,
    receipt: receipt(),
    leftBehind: [],
  });
  await waitFor(() => expect(text("state-chip")).toBe("Succeeded"));
  expect(text("receipt")).toContain("4,812");
  expect(text("rollback-button")).toBe("Roll back to revision 6");
});

test("says beside the figures that answers prove nothing", async () => {
  await deploy();
  const unproved = "all answered 404: no proof; choose a path with `--probe-path`";
  program.tell({ type: "probe", receipt: receipt({ requests: 1269, unproved }) });
  await waitFor(() =>
    expect(text("receipt")).toContain("0 of 1,269 failed, all answered 404: no proof"),
  );
});

test("aborts a running rollout with one click", async () => {
  await deploy();
  await fireEvent.click(screen.getByTestId("rollback-button"));
  expect(called("abort_rollout")[0]?.[1]).toEqual({ id: program.rollout });
  program.tell({ type: "rollingBack", reason: "aborted in the window" });
  await waitFor(() => expect(text("state-chip")).toBe("Rolling back"));
  expect(screen.getByTestId<HTMLButtonElement>("rollback-button").disabled).toBe(true);
});

test("shows a failure with its cause and Green's log as text", async () => {
  await deploy();
  program.tell({ type: "phaseFailed", phase: "healthCheck", tookMs: 1, failure });
  program.tell({ type: "ended", outcome: "rolledBack", failure, receipt: null, leftBehind: [] });
  const shown = await screen.findByTestId("failure");
  for (const part of [
    "shop-web-2 is unhealthy",
    "Look at its log",
    "out of memory",
    "exit code 3",
    "connection refused",
    "<img src=x",
  ]) {
    expect(shown.textContent).toContain(part);
  }
  expect(shown.querySelector("img")).toBeNull();
  expect(text("state-chip")).toBe("Restored · rolled back");
  expect(text("serving")).toContain("as before");
});

test("puts an ended rollout away, with those before it", async () => {
  await deploy();
  program.tell({ type: "ended", outcome: "success", failure: null, receipt: null, leftBehind: [] });
  await waitFor(() => expect(text("state-chip")).toBe("Succeeded"));
  program.rollout = crypto.randomUUID();
  // A redraw that is due may come between the value and its event, which no keyboard can part.
  await waitFor(async () => {
    await fireEvent.input(screen.getByTestId("cpu-field"), { target: { value: "2" } });
    expect(screen.getByTestId<HTMLButtonElement>("deploy-button").disabled).toBe(false);
  });
  await fireEvent.click(screen.getByTestId("deploy-button"));
  await waitFor(() => expect(text("state-chip")).toBe("Progressing"));
  program.tell({ type: "ended", outcome: "aborted", failure, receipt: null, leftBehind: [] });
  await waitFor(() => expect(text("state-chip")).toBe("Restored · aborted"));
  expect(screen.queryByTestId("failure")).toBeNull();
  await fireEvent.click(screen.getByTestId("dismiss"));
  await waitFor(() => expect(text("state-chip")).toBe("healthy"));
});

test("rolls back to an earlier revision once it is confirmed", async () => {
  await openService();
  await fireEvent.click(await screen.findByTestId("rollback-button"));
  expect(called("start_rollout")).toHaveLength(0);
  const confirm = await screen.findByTestId<HTMLButtonElement>("proposal-confirm");
  await waitFor(() => expect(confirm.disabled).toBe(false));
  await fireEvent.click(confirm);
  await waitFor(() => expect(called("start_rollout")).toHaveLength(1));
  expect(called("rollback_request")[0]?.[1]).toEqual({ source, service: "web", to: 6 });
  expect(called("start_rollout")[0]?.[1]).toEqual({
    request: { toRevision: 6 },
    plan: plan().id,
  });
});

test("a plan that has changed is shown, and deployed only once somebody says so", async () => {
  const now = plan({ id: "other", differences: [{ what: "image", before: "a", after: "b" }] });
  const error = { code: "planChanged", message: "m", hint: null, causes: [], plan: now };
  let refuses = true;
  await openService({
    start_rollout: () => {
      // As the program does.
      if (refuses) return Promise.reject(error as unknown as Error);
      return program.rollout;
    },
  });
  const button = screen.getByTestId<HTMLButtonElement>("deploy-button");
  await waitFor(() => expect(button.disabled).toBe(false));
  await fireEvent.click(button);
  expect((await screen.findByTestId("plan-changed")).textContent).toContain("what else Green gets");
  expect(button.disabled).toBe(true);
  refuses = false;
  await fireEvent.click(screen.getByTestId("deploy-changed"));
  await waitFor(() => expect(text("state-chip")).toBe("Progressing"));
  expect(called("start_rollout").map(([, args]) => args.plan)).toEqual([plan().id, "other"]);
});

test("lists the history and returns to any revision that took effect", async () => {
  await openService({
    history: () => [revision(7), revision(6, { outcome: "aborted" }), revision(5)],
  });
  await fireEvent.click(screen.getByTestId("tab-history"));
  expect(within(await screen.findByTestId("history-row-7")).getByText("Runs now")).toBeTruthy();
  expect(screen.queryByTestId("rollback-to-6")).toBeNull();
  await fireEvent.click(screen.getByTestId("rollback-to-5"));
  await waitFor(() => expect(called("rollback_request")[0]?.[1]).toMatchObject({ to: 5 }));
});

test("a change of the limits can be undone by a key", async () => {
  await openService();
  const field = screen.getByTestId<HTMLInputElement>("memory-field");
  await fireEvent.input(field, { target: { value: "768M" } });
  await fireEvent.keyDown(document.body, { key: "z", ctrlKey: true });
  await waitFor(() => expect(field.value).toBe("512M"));
});

test("what was killed for its memory is deployed again with more", async () => {
  await deploy();
  program.tell({ type: "ended", outcome: "rolledBack", failure, receipt: null, leftBehind: [] });
  await fireEvent.click(await screen.findByRole("button", { name: "Deploy again with 960M" }));
  await waitFor(() => expect(called("start_rollout")).toHaveLength(2));
  expect(called("start_rollout")[1]?.[1]).toMatchObject({
    request: { change: { memory: 960 * M } },
  });
});

test("saves the log lines that are shown", async () => {
  const line = { container: "blue-1", at: null, stderr: false };
  await openService({
    follow_logs: ({ lines }) => {
      channel(lines)([
        { ...line, text: "\u001b[31mlost\u001b[0m it" },
        { ...line, text: "found" },
      ]);
      return 3;
    },
  });
  await fireEvent.input(await screen.findByTestId("log-find"), { target: { value: "lost it" } });
  await fireEvent.click(screen.getByRole("button", { name: "Save…" }));
  expect(called("save_text")[0]?.[1]).toEqual({ name: "web.log", text: "blue - lost it\n" });
});

test("a revision shows its receipt, and the history can be exported", async () => {
  await openService({ history: () => [revision(7, { receipt: receipt({ failed: 2 }) })] });
  await fireEvent.click(screen.getByTestId("tab-history"));
  await fireEvent.click(await screen.findByTestId("revision-7-details"));
  const details = screen.getByTestId("revision-details").textContent;
  expect(details).toContain("1.5 CPU, 768M");
  expect(text("receipt-table")).toContain("Green while Green alone served");
  await fireEvent.click(screen.getByTestId("export-history"));
  const saved = called("save_text")[0]?.[1] as { name: string; text: string };
  expect(saved.name).toBe("web-history.json");
  expect(JSON.parse(saved.text)).toHaveLength(1);
});

test("the receipt says what could not be promised, and who went past Traefik", async () => {
  await deploy();
  const found = receipt({ unpromised: ["`worker` has open streams"], bypass: ["cron"], cut: 2 });
  program.tell({
    type: "ended",
    outcome: "success",
    failure: null,
    receipt: found,
    leftBehind: [],
  });
  await fireEvent.click(screen.getByTestId("tab-traffic"));
  await waitFor(() => expect(text("receipt-sentence")).toContain("2 requests cut off"));
  expect(text("unpromised")).toContain("worker has open streams");
  expect(text("bypass")).toContain("cron");
  expect(text("receipt-table")).toContain("Before");
});

test("what goes through each set is shown as it is counted", async () => {
  await deploy();
  const flow = {
    inFlight: 3,
    connections: 9,
    connectionsPerSecond: 1,
    bytesReceivedPerSecond: 1,
    bytesSentPerSecond: 2_000_000,
  };
  program.tell({
    type: "flow",
    blue: flow,
    green: { ...flow, bytesSentPerSecond: 8_000, inFlight: 0 },
  });
  await waitFor(() => expect(text("lane-blue")).toContain("2.0 MB/s"));
  expect(text("lane-blue")).toContain("3 in flight");
  expect(text("lane-green")).toContain("8 kB/s");
});

test("steps and probe are asked for as the options say", async () => {
  await openService();
  await fireEvent.change(screen.getByTestId("steps"), { target: { value: "10 50 100" } });
  await fireEvent.change(screen.getByTestId("probe-path"), { target: { value: "/health" } });
  await waitFor(() =>
    expect(called("plan_rollout").at(-1)?.[1]).toMatchObject({
      request: { options: { steps: [10, 50, 100], probe: { path: "/health", enabled: true } } },
    }),
  );
  await fireEvent.change(screen.getByTestId("steps"), { target: { value: "ten" } });
  expect(screen.getByText("Write whole numbers, such as 10, 50, 100")).toBeTruthy();
  await fireEvent.click(screen.getByTestId("probe-enabled"));
  expect(screen.queryByTestId("probe-path")).toBeNull();
});

test("a health timeout that is typed is asked for as it is, also the usual one", async () => {
  await openService();
  const asked = (healthTimeoutMs: number | null) =>
    waitFor(() =>
      expect(called("plan_rollout").at(-1)?.[1]).toMatchObject({
        request: { options: { healthTimeoutMs } },
      }),
    );
  const field = screen.getByLabelText<HTMLInputElement>("Health timeout");
  expect(field.value).toBe("120");
  await asked(null);
  await fireEvent.change(field, { target: { value: "120" } });
  await asked(120_000);
  // Emptied, it is the plan's to say again.
  await fireEvent.change(field, { target: { value: "" } });
  await asked(null);
  expect(field.value).toBe("120");
});
