import { cleanup, fireEvent, render, screen } from "@testing-library/svelte";
import { createRawSnippet } from "svelte";
import { afterEach, expect, test, vi } from "vitest";

import Diff from "./Diff.svelte";
import LimitField from "./LimitField.svelte";
import Meter from "./Meter.svelte";
import Prose from "./Prose.svelte";
import Tabs from "./Tabs.svelte";
import VirtualList from "./VirtualList.svelte";

afterEach(cleanup);

test("a diff signs what was added and removed and leaves out what is far", () => {
  const lines = Array.from({ length: 20 }, (_, n) => `line ${n}`);
  const after = lines.with(10, "changed");
  const props = { before: lines.join("\n"), after: after.join("\n"), context: 1 };
  render(Diff, { props: { ...props, "data-testid": "diff" } });
  const rows = [...screen.getByTestId("diff").children].map((row) => row.textContent.trim());
  expect(rows).toEqual([
    "…unchanged lines",
    "line 9",
    "-removed: line 10",
    "+added: changed",
    "line 11",
    "…unchanged lines",
  ]);
});

test("a message shows its values as code and nothing as markup", () => {
  const { container } = render(Prose, { text: "no file `<b>x</b>` here" });
  expect(container.textContent).toBe("No file <b>x</b> here");
  expect(container.querySelector("code")?.textContent).toBe("<b>x</b>");
  expect(container.querySelector("b")).toBeNull();
});

test("a meter says its figures and stays within its track", () => {
  render(Meter, { name: "CPU", value: "1.62", limit: "1", part: 1.62 });
  const meter = screen.getByRole("meter", { name: "CPU" });
  expect(meter.getAttribute("aria-valuetext")).toBe("CPU: 1.62 of 1");
  expect(meter.getAttribute("aria-valuenow")).toBe("100");
});

test("a limit's slider and field move in step", async () => {
  const onmove = vi.fn();
  const onsuggested = vi.fn();
  render(LimitField, {
    label: "CPU",
    text: "1",
    placeholder: "",
    at: 0.5,
    stops: 11,
    marks: [{ kind: "peak", at: 0.4, label: "peak: 0.4" }],
    hint: "now 1",
    used: null,
    suggestion: { text: "0.5", reason: "p95 0.4 of 1" },
    onsuggested,
    problem: "too much",
    disabled: false,
    testId: "cpu",
    onmove,
  });
  const slider = screen.getByRole<HTMLInputElement>("slider", { name: "CPU limit" });
  expect(slider.value).toBe("5");
  await fireEvent.input(slider, { target: { value: "7" } });
  expect(onmove).toHaveBeenCalledWith(7);
  const field = screen.getByTestId("cpu");
  await fireEvent.keyDown(field, { key: "ArrowUp" });
  expect(onmove).toHaveBeenLastCalledWith(6);
  await fireEvent.keyDown(field, { key: "ArrowDown" });
  expect(onmove).toHaveBeenLastCalledWith(4);
  expect(field.getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByText("Too much")).toBeTruthy();
  await fireEvent.click(screen.getByRole("button", { name: "Use 0.5" }));
  expect(onsuggested).toHaveBeenCalledWith("0.5");
});

test("tabs move by the arrow keys", async () => {
  render(Tabs, {
    label: "Evidence",
    tabs: [
      { name: "logs", title: "Logs" },
      { name: "events", title: "Events" },
    ],
    open: "logs",
    children: createRawSnippet(() => ({ render: () => "<p>panel</p>" })),
  });
  await fireEvent.keyDown(screen.getByTestId("tab-logs"), { key: "ArrowRight" });
  expect(screen.getByTestId("tab-events").getAttribute("aria-selected")).toBe("true");
  await fireEvent.keyDown(screen.getByTestId("tab-events"), { key: "ArrowRight" });
  expect(screen.getByTestId("tab-logs").getAttribute("aria-selected")).toBe("true");
});

test("a list of 10,000 rows draws only those in sight", () => {
  const items = Array.from({ length: 10_000 }, (_, key) => ({ key }));
  render(VirtualList<{ key: number }>, {
    items,
    rowHeight: 20,
    label: "Rows",
    row: createRawSnippet<[{ key: number }]>((item) => ({
      render: () => `<span data-testid="row">${item().key}</span>`,
    })),
  });
  expect(screen.getAllByTestId("row").length).toBeLessThan(60);
});
