/**
 * What can be done by a key or from the native menu, and who does it now. The menu's items
 * (src-tauri/src/menu.rs) and the list behind `?` bear the same names.
 */
export interface Action {
  name: string;
  title: string;
  /** As `KeyboardEvent.key` names them; `Mod` is Control, on macOS Command. */
  keys: string[];
  /** Whether the key also counts while somebody types. */
  whileTyping?: boolean;
}

export const GROUPS: { title: string; actions: Action[] }[] = [
  {
    title: "Window",
    actions: [
      { name: "search", title: "Find a project", keys: ["/", "Mod+K"] },
      { name: "open", title: "Open a compose file", keys: ["Mod+O"], whileTyping: true },
      { name: "up", title: "From a service to its project", keys: ["Alt+ArrowUp"] },
      { name: "reload", title: "Read everything again", keys: ["Mod+R"], whileTyping: true },
      { name: "zoom-in", title: "Larger", keys: ["Mod+=", "Mod++"], whileTyping: true },
      { name: "zoom-out", title: "Smaller", keys: ["Mod+-"], whileTyping: true },
      { name: "zoom-reset", title: "Actual size", keys: ["Mod+0"], whileTyping: true },
      { name: "shortcuts", title: "This list", keys: ["?", "F1"] },
    ],
  },
  {
    title: "Service",
    actions: [
      { name: "deploy", title: "Deploy", keys: ["Mod+Enter"], whileTyping: true },
      { name: "roll-back", title: "Roll back", keys: ["Mod+."], whileTyping: true },
      { name: "undo-limits", title: "Undo a change of the limits", keys: ["Mod+Z"] },
      { name: "find", title: "Find in the logs", keys: ["Mod+F"], whileTyping: true },
      { name: "tab-logs", title: "Logs", keys: ["Alt+1"] },
      { name: "tab-events", title: "Events", keys: ["Alt+2"] },
      { name: "tab-traffic", title: "Traffic", keys: ["Alt+3"] },
      { name: "tab-history", title: "History", keys: ["Alt+4"] },
    ],
  },
];

const ALL = GROUPS.flatMap(({ actions }) => actions);

/** The keys of an event, as actions name them. */
function pressed(event: KeyboardEvent): string {
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Mod");
  if (event.altKey) parts.push("Alt");
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return [...parts, key].join("+");
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input:not([type=range]), textarea, select");
}

/** The action that these keys stand for; none where they stand for none here. */
export function actionOf(event: KeyboardEvent): Action | null {
  const keys = pressed(event);
  const action = ALL.find((one) => one.keys.includes(keys));
  return action && (action.whileTyping || !isTyping(event.target)) ? action : null;
}

/** Who does what: the newest that offered to. */
class Doers {
  #doers: { name: string; run: () => void }[] = [];

  /** Offers to do these until the returned function is called. */
  offer(actions: Record<string, () => void>): () => void {
    const offered = Object.entries(actions).map(([name, run]) => ({ name, run }));
    this.#doers.push(...offered);
    return () => {
      this.#doers = this.#doers.filter((doer) => !offered.includes(doer));
    };
  }

  /** Whether somebody did it. */
  run(name: string): boolean {
    const doer = this.#doers.findLast((one) => one.name === name);
    doer?.run();
    return doer !== undefined;
  }
}

export const doers = new Doers();
