/**
 * The actions that a key or the native menu runs, and their handlers. The menu's items
 * (src-tauri/src/menu.rs) and the list behind `?` use the same names.
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

/** What each action runs on the open page; the newest registration of a name wins. */
class Handlers {
  #registered: { name: string; run: () => void }[] = [];

  /** Handles these actions until the returned function is called. */
  register(actions: Record<string, () => void>): () => void {
    const added = Object.entries(actions).map(([name, run]) => ({ name, run }));
    this.#registered.push(...added);
    return () => {
      this.#registered = this.#registered.filter((handler) => !added.includes(handler));
    };
  }

  /** Runs an action. Whether anything handles it now. */
  run(name: string): boolean {
    const handler = this.#registered.findLast((one) => one.name === name);
    handler?.run();
    return handler !== undefined;
  }
}

export const handlers = new Handlers();
