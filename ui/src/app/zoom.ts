/** The size of everything, kept for the next start. */
import { setZoom } from "../backend";

const KEY = "zoom";
const STEPS = [0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2];

let now = 1;

function apply(zoom: number): Promise<void> {
  now = zoom;
  localStorage.setItem(KEY, String(zoom));
  return setZoom(zoom);
}

/** One step larger (1) or smaller (-1). */
export function zoomBy(direction: 1 | -1): Promise<void> {
  const next =
    direction === 1 ? STEPS.find((step) => step > now) : STEPS.findLast((step) => step < now);
  return apply(next ?? now);
}

export function resetZoom(): Promise<void> {
  return apply(1);
}

/** As it was when the window was last open. */
export async function restoreZoom(): Promise<void> {
  const kept = Number(localStorage.getItem(KEY));
  if (kept !== 1 && STEPS.includes(kept)) await apply(kept);
}
