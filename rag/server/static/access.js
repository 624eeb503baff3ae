// The API key: asked for in a dialog when the server wants one.

import { hasKey, useKey } from "./api.js";

const byId = (id) => document.getElementById(id);

/** Make the dialog's buttons work. */
export function keyDialog() {
  byId("key-form").addEventListener("submit", () => byId("key").close("use"));
  byId("key-cancel").addEventListener("click", () => byId("key").close(""));
}

/** Do something that needs the server; when it asks for a key, ask the reader for one and do it again. */
export async function withKey(action) {
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (error.status !== 401 || !(await keyFromReader())) throw error;
    }
  }
}

let asking = null;

/** Whether the reader gave a key. Several requests that fail together share one dialog. */
function keyFromReader() {
  asking ??= new Promise((resolve) => {
    const dialog = byId("key");
    byId("key-problem").textContent = hasKey() ? "That key was not accepted." : "";
    useKey("");
    byId("key-input").value = "";
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      const key = dialog.returnValue === "use" ? byId("key-input").value.trim() : "";
      byId("key-input").value = "";
      useKey(key);
      asking = null;
      resolve(key !== "");
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}
