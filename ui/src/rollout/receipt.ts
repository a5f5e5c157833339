/** What a receipt says in words. */
import type { Receipt } from "../backend";
import { count, plural } from "../units/format";

/** What was announced or limited, and so is not a failure: one sentence each. */
export function apart({ handover, limited }: Receipt): string[] {
  const sentences = [];
  if (handover && (handover.failed > 0 || handover.gapMs > 0)) {
    const cut = handover.cut > 0 ? `, ${plural(handover.cut, "request")} in flight cut` : "";
    sentences.push(
      `${count(handover.failed)} in the announced handover of the port, ${(handover.gapMs / 1000).toFixed(1)} s${cut}`,
    );
  }
  if (limited > 0) {
    sentences.push(
      `${plural(limited, "request")} answered 429: how often is asked is limited, which tells nothing of the service`,
    );
  }
  return sentences;
}
