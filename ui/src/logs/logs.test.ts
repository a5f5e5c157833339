import { expect, test } from "vitest";

import { asText, pieces, plain } from "./logs";

const RED = "\u001b[31m";
const END = "\u001b[0m";
const look = (text: string, wanted = "") =>
  pieces(text, wanted).map(({ text, classes, color, isMatch }) =>
    [text, ...classes, color, isMatch && "match"].filter(Boolean).join("|"),
  );

test("a line without colours is one piece", () => {
  expect(look("listening on port 8080")).toEqual(["listening on port 8080"]);
});

test("the terminal's colours become names, and the codes are not shown", () => {
  expect(look(`a ${RED}bad${END} thing`)).toEqual(["a ", "bad|red", " thing"]);
  expect(look("\u001b[1;92mok\u001b[0m")).toEqual(["ok|green|bold"]);
  expect(plain(`a ${RED}bad${END} thing`)).toBe("a bad thing");
});

test("colours beyond the sixteen are computed", () => {
  expect(look("\u001b[38;5;196mx")).toEqual(["x|rgb(255 0 0)"]);
  expect(look("\u001b[38;5;244mx")).toEqual(["x|rgb(128 128 128)"]);
  expect(look("\u001b[38;2;1;2;3mx")).toEqual(["x|rgb(1 2 3)"]);
});

test("what is looked for is found across colours", () => {
  expect(look(`ba${RED}nana${END}`, "ana")).toEqual(["b", "a|match", "na|red|match", "na|red"]);
});

test("codes that move the cursor are dropped, and an overwritten line shows its end", () => {
  expect(plain("\u001b[2K\u001b[1Gdone")).toBe("done");
  expect(plain("10 %\r50 %\r100 %\r")).toBe("100 %");
});

test("a look-alike of markup stays text", () => {
  expect(look("<b>no</b>")).toEqual(["<b>no</b>"]);
});

test("copied lines say whose they are and when they were written", () => {
  const lines = [
    { at: "2026-11-24T07:00:00Z", container: "x", plain: "one" },
    { at: null, container: "y", plain: "two" },
  ];
  const text = asText(lines, (id) => (id === "x" ? "blue" : "green"));
  expect(text).toBe("blue 2026-11-24T07:00:00Z one\ngreen - two\n");
});
