/** The wall clock of whatever counts up on screen. */
class Clock {
  /** In milliseconds, as of the last tick. */
  now = $state(Date.now());
  #ticker: ReturnType<typeof setInterval> | undefined;

  /** Ticks every so many milliseconds from now on; `null` stops it. */
  run(everyMs: number | null): void {
    clearInterval(this.#ticker);
    if (everyMs === null) return;
    this.now = Date.now();
    this.#ticker = setInterval(() => (this.now = Date.now()), everyMs);
  }
}

export const clock = new Clock();
