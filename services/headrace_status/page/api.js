// The read API, and polling of it that stops while nobody looks.

export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export async function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== "" && value !== null && value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  let answer;
  try {
    answer = await fetch(`/api/v1${path}${text ? `?${text}` : ""}`, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The read API does not answer. Trying again …");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(answer.status, body.detail ?? `The read API answered ${answer.status}.`);
  showLag(body.lag_ms);
  return body;
}

function showLag(ms) {
  const element = document.getElementById("lag");
  if (typeof ms !== "number") return;
  const late = ms > 5000;
  element.dataset.late = String(late);
  element.textContent = late ? `${Math.round(ms / 1000)} s behind` : "live";
}

export const enc = encodeURIComponent;

// Calls `look` now and then every `ms` until the signal aborts; `look` returns false when there is nothing more to see.
export function poll(look, ms, signal) {
  let timer;
  const run = async () => {
    if (signal.aborted) return;
    if (!document.hidden) {
      try {
        if (await look() === false) return;
      } catch (error) {
        if (error.name === "AbortError") return;
        throw error;
      }
    }
    if (!signal.aborted) timer = setTimeout(run, ms);
  };
  const awake = () => { if (!document.hidden) { clearTimeout(timer); run(); } };
  document.addEventListener("visibilitychange", awake, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return run();
}
