// How to share what the page shows: its address, where others can open it; else its last part.

const element = (id) => document.getElementById(id);

/** Whether the address leads others to this page too, and not to their own machine. */
export const canBeShared = ({ protocol, hostname }) =>
  /^https?:$/.test(protocol) && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** A function to be told the last part of the address, whenever that changes. */
export function offerToShare(texts) {
  const whole = canBeShared(location);
  element("share-address").hidden = !whole;
  element("share-part").hidden = whole;
  const field = element("part");
  element("open-share").addEventListener("click", () => {
    element("copied").textContent = "";
    element("share").showModal();
    field.select();
  });
  element("copy").addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // where the clipboard is out of reach
    }
    element("copied").textContent = texts.copied;
  });
  return (part) => {
    field.value = whole ? new URL(part, location.href).href : part;
  };
}
