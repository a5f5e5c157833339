/** What every dialog of the window shares. */
import type { Attachment } from "svelte/attachments";

/**
 * Opens a dialog over the page as long as it is there: the focus goes in, and back to where it was.
 * Escape calls `cancel` and leaves the closing to it.
 */
export function modal(cancel: () => void): Attachment<HTMLDialogElement> {
  return (dialog) => {
    const oncancel = (event: Event) => {
      event.preventDefault();
      cancel();
    };
    dialog.addEventListener("cancel", oncancel);
    dialog.showModal();
    return () => {
      dialog.removeEventListener("cancel", oncancel);
      dialog.close();
    };
  };
}
