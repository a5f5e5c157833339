/** The use of containers, followed while a page shows it. */
import * as backend from "../backend";
import type { Usage } from "../backend";
import { KEPT_MS, Series } from "./usage";

export interface Use {
  cpu: number;
  memory: number;
}

/** What containers used, across pages: one that is opened again shows its last minutes at once. */
const known = new Map<string, Series>();

/** Live use by container. */
export class UsageFeed {
  /** Counts samples: what is made of them is computed again with each. */
  #version = $state(0);
  #followed = new Map<string, backend.Stop>();

  /** Follows exactly these containers from now on; the streams of those that stay go on. */
  follow(containers: string[]): void {
    for (const [id, stop] of this.#followed) {
      if (containers.includes(id)) continue;
      stop();
      this.#followed.delete(id);
    }
    for (const id of containers) {
      if (this.#followed.has(id)) continue;
      const stop = backend.followUsage([id], (sample) => this.#add(sample), ignore);
      this.#followed.set(id, stop);
    }
    this.#version++;
    forgetOld();
  }

  #add(sample: Usage): void {
    const series = known.get(sample.container) ?? new Series();
    series.add(sample, Date.now());
    known.set(sample.container, series);
    this.#version++;
  }

  /** What is known of these containers. Read again whenever a sample comes. */
  series(containers: string[]): Series[] {
    void this.#version;
    return containers.flatMap((id) => known.get(id) ?? []);
  }

  /** Use of the busiest of these containers; none of those that are not followed. */
  highest(containers: string[]): Use | null {
    const followed = containers.filter((id) => this.#followed.has(id));
    const last = this.series(followed).flatMap(({ samples }) => samples.at(-1) ?? []);
    if (last.length === 0) return null;
    return {
      cpu: Math.max(...last.map((use) => use.cpu)),
      memory: Math.max(...last.map((use) => use.memory)),
    };
  }
}

function forgetOld(): void {
  const oldest = Date.now() - KEPT_MS;
  for (const [id, { samples }] of known) {
    if ((samples.at(-1)?.at ?? 0) < oldest) known.delete(id);
  }
}

/** A container that stopped has no use to tell: an empty meter says so already. */
function ignore(): void {
  return undefined;
}
