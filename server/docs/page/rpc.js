// A2A 1.0 over JSON-RPC, as any client speaks it: calls, streams, and a stream
// that goes on where it broke.

/** CallError is what the server, or the way to it, said no with. */
export class CallError extends Error {
  constructor(message, { status = 0, lost = false } = {}) {
    super(message);
    this.status = status;
    this.lost = lost; // the answer did not come, or not all of it
  }
}

const waits = [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]; // ms
const unheard = 4; // attempts to send a message again that the server may never have got
const over = ["COMPLETED", "FAILED", "CANCELED", "REJECTED", "INPUT_REQUIRED", "AUTH_REQUIRED"];

/** stateOf returns the state that an event tells, "" for none: "WORKING". */
export function stateOf(event) {
  const status = event.task?.status ?? event.statusUpdate?.status;
  return (status?.state ?? "").replace("TASK_STATE_", "");
}

const ends = (event) => Boolean(event.message) || over.includes(stateOf(event));

export class Client {
  #id = 0;

  /** key returns the bearer key, "" for none. */
  constructor(base, key) {
    this.base = base;
    this.key = key;
  }

  /** card fetches the agent's card. */
  async card() {
    const response = await this.#fetch(`${this.base}/.well-known/agent-card.json`, {});
    if (!response.ok) throw await refusal(response);
    return response.json();
  }

  /** call makes one call and returns its result. */
  async call(method, params) {
    const response = await this.#post(method, params, {});
    if (!response.ok) throw await refusal(response);
    return unwrap(await response.json());
  }

  /** follow sends a message and yields the events of its task up to the end of the
   * turn. A stream that breaks is taken up after the last event that came; before the
   * first, the message is sent again, under a key by which the server knows it. Then
   * {again: n} is yielded before the n-th attempt. Where the stream stands is kept
   * in at: with it, a stream that was given up is followed on. */
  async *follow(message, at, signal) {
    for (let attempt = 0; ;) {
      const [method, params, headers] = at.seen
        ? ["SubscribeToTask", { id: at.task }, { "Last-Event-ID": at.seen }]
        : ["SendStreamingMessage", { message }, { "Idempotency-Key": message.messageId }];
      try {
        for await (const { id, event } of this.#stream(method, params, headers, signal)) {
          attempt = 0;
          at.seen = id || at.seen;
          at.task = event.task?.id ?? event.statusUpdate?.taskId ?? event.artifactUpdate?.taskId ?? at.task;
          yield event;
          if (ends(event)) return;
        }
      } catch (error) {
        if (!error.lost || signal.aborted) throw error;
      }
      if (!at.seen && attempt === unheard) throw new CallError("The connection broke before the agent answered. It may have got the message.", { lost: true });
      if (attempt === waits.length) throw new CallError("The connection is lost. The task goes on without it.", { lost: true });
      await pause(waits[attempt], signal);
      yield { again: ++attempt };
    }
  }

  async *#stream(method, params, headers, signal) {
    const response = await this.#post(method, params, { Accept: "text/event-stream", ...headers }, signal);
    const type = response.headers.get("Content-Type") ?? "";
    if (!response.ok) throw await refusal(response, true);
    if (!type.startsWith("text/event-stream")) {
      unwrap(await response.json()); // says why there is no stream
      throw new CallError("The server did not answer with a stream.");
    }
    for await (const { id, data } of frames(response.body)) yield { id, event: unwrap(JSON.parse(data)) };
  }

  #post(method, params, headers, signal) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: ++this.#id, method, params });
    return this.#fetch(this.base || "/", { method: "POST", body, signal, headers: { "Content-Type": "application/json", "A2A-Version": "1.0", ...headers } });
  }

  async #fetch(address, options) {
    const headers = new Headers(options.headers);
    const key = this.key();
    if (key) headers.set("Authorization", `Bearer ${key}`);
    try {
      return await fetch(address, { ...options, headers, credentials: "omit" });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new CallError("The server cannot be reached.", { lost: true });
    }
  }
}

/** frames yields the frames of a stream of server-sent events. */
export async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", frame = { id: "", data: [] };
  try {
    for (;;) {
      let chunk;
      try {
        chunk = await reader.read();
      } catch {
        throw new CallError("The connection broke.", { lost: true });
      }
      if (chunk.done) return;
      const lines = (rest + chunk.value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("id: ")) frame.id = line.slice(4);
        else if (line.startsWith("data: ")) frame.data.push(line.slice(6));
        else if (line === "" && frame.data.length > 0) {
          yield { id: frame.id, data: frame.data.join("\n") };
          frame = { id: "", data: [] };
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // nobody listens any more
  }
}

function unwrap(reply) {
  if (reply.error) throw new CallError(sentence(reply.error));
  return reply.result ?? {};
}

/** refusal is the error that an answer other than 200 tells. A stream that is
 * taken up tries again where a server is only busy or about to be back. */
async function refusal(response, again = false) {
  const lost = again && (response.status === 429 || response.status >= 502);
  let text = `The server answered ${response.status}.`;
  try {
    const { error } = await response.json();
    if (error?.message) text = sentence(error);
  } catch { /* not one of our answers: a proxy's */ }
  return new CallError(text, { status: response.status, lost });
}

function sentence(error) {
  const details = error.data ?? error.details ?? [];
  const fields = details.flatMap((d) => d.fieldViolations ?? []).map((v) => `${v.field} ${v.description}`);
  const news = fields.filter((f) => !error.message.includes(f));
  return [error.message, ...news].join(": ");
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}
