/** Log lines as they are shown: colours of the terminal, what was found, what is copied. Pure. */
import Anser from "anser";

import type { Color, LogLine } from "../backend";

/** A piece of a line that looks the same from its first character to its last. */
export interface Piece {
  text: string;
  /** Names of the terminal's sixteen colours and of decorations: `red`, `bold`. */
  classes: string[];
  /** A colour beyond those sixteen, as CSS. */
  color: string | null;
  isMatch: boolean;
}

const ESCAPE = "\u001b";

/** The text without the terminal's codes. */
export function plain(text: string): string {
  const line = lastOverwritten(text);
  return line.includes(ESCAPE) ? Anser.ansiToText(line) : line;
}

/** What a terminal shows of a line that was written over itself, as progress bars are. */
function lastOverwritten(text: string): string {
  const line = text.replace(/\r+$/, "");
  return line.slice(line.lastIndexOf("\r") + 1);
}

/** The line in pieces, cut where its look changes and around what is looked for. */
export function pieces(text: string, wanted: string): Piece[] {
  const line = lastOverwritten(text);
  const styled = line.includes(ESCAPE) ? chunks(line) : [{ text: line, classes: [], color: null }];
  const matches = found(styled.map((piece) => piece.text).join(""), wanted);
  let at = 0;
  return styled.flatMap((piece) => {
    const from = at;
    at += piece.text.length;
    return cut(piece, from, matches);
  });
}

type Chunk = Omit<Piece, "isMatch">;

function chunks(line: string): Chunk[] {
  return Anser.ansiToJson(line, { json: true, remove_empty: true, use_classes: true }).map(
    ({ content, fg, fg_truecolor, decorations }) => ({
      text: content,
      classes: [...(named(fg) ?? []), ...decorations],
      color: beyond(fg, fg_truecolor),
    }),
  );
}

/** `ansi-bright-red` as the class of its colour; none for one that is not a name. */
function named(fg: string | null): string[] | null {
  const name = /^ansi-(bright-)?(black|red|green|yellow|blue|magenta|cyan|white)$/.exec(fg ?? "");
  return name?.[2] ? [name[2]] : null;
}

/** A colour of the palette's cube and greys, or a true one. */
function beyond(fg: string | null, trueColor: string | null): string | null {
  const numbers = /^(\d{1,3}), ?(\d{1,3}), ?(\d{1,3})$/.exec(trueColor ?? "");
  if (numbers) return `rgb(${numbers.slice(1).join(" ")})`;
  const index = Number(/^ansi-palette-(\d+)$/.exec(fg ?? "")?.[1] ?? NaN);
  if (index >= 232)
    return `rgb(${Array(3)
      .fill((index - 232) * 10 + 8)
      .join(" ")})`;
  if (!(index >= 16)) return null;
  const level = (n: number) => (n === 0 ? 0 : n * 40 + 55);
  const cube = index - 16;
  return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level).join(" ")})`;
}

function found(text: string, wanted: string): [number, number][] {
  const matches: [number, number][] = [];
  if (wanted === "") return matches;
  const lower = text.toLowerCase();
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, at + wanted.length)) {
    matches.push([at, at + wanted.length]);
  }
  return matches;
}

function cut(chunk: Chunk, from: number, matches: [number, number][]): Piece[] {
  const edges = [0, chunk.text.length];
  for (const ends of matches) {
    for (const end of ends)
      if (end > from && end < from + chunk.text.length) edges.push(end - from);
  }
  edges.sort((a, b) => a - b);
  return edges.slice(1).flatMap((end, n): Piece[] => {
    const start = edges[n] ?? 0;
    if (start === end) return [];
    const isMatch = matches.some(([first, last]) => from + start >= first && from + end <= last);
    return [{ ...chunk, text: chunk.text.slice(start, end), isMatch }];
  });
}

/** Lines as text, for the clipboard and for a file: whose, when, what. */
export function asText(
  lines: (Pick<LogLine, "at" | "container"> & { plain: string })[],
  colorOf: (container: string) => Color,
): string {
  return lines
    .map(({ at, container, plain }) => `${colorOf(container)} ${at ?? "-"} ${plain}\n`)
    .join("");
}
