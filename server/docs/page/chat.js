// The conversation: turns of the user and of the agent, in one context.

import { copyButton, make, plain } from "./dom.js";
import { forget, Parts } from "./parts.js";
import { stateOf } from "./rpc.js";

const words = {
  SUBMITTED: "Waiting for its turn", WORKING: "Working", COMPLETED: "Completed", FAILED: "Failed", CANCELED: "Canceled",
  REJECTED: "Rejected", INPUT_REQUIRED: "Waiting for your answer", AUTH_REQUIRED: "Waiting for your permission",
};
const mostArtifacts = 200;

/** Chat shows a conversation in an element. changed is called when what can be
 * done next has changed. */
export class Chat {
  #turn = null; // the one that runs
  #task = ""; // the one that waits for an answer

  constructor(client, log, changed) {
    this.client = client;
    this.log = log;
    this.changed = changed;
    this.context = "";
    this.#stay();
  }

  get busy() { return this.#turn !== null; }
  get waiting() { return this.#task !== ""; }

  /** send sends a text and shows what comes of it. When the turn is over it returns
   * whether the agent has got the text. */
  async send(text) {
    const message = { messageId: id(), role: "ROLE_USER", parts: [{ text }] };
    if (this.context) message.contextId = this.context;
    if (this.#task) message.taskId = this.#task;
    this.#add(make("article", { className: "turn mine", "aria-label": "You" }, make("div", { className: "text", dir: "auto" }, text)));
    const turn = new Turn(this.#task);
    this.#add(turn.element);
    await this.#run(turn, message);
    return turn.at.seen !== "" || turn.element.dataset.state !== "BROKEN";
  }

  async #run(turn, message) {
    this.#turn = turn;
    turn.begin();
    this.changed();
    try {
      for await (const event of this.client.follow(message, turn.at, turn.stop.signal)) this.#follow(turn, event);
    } catch (error) {
      const given = turn.stop.signal.aborted;
      turn.fail(given ? "Given up before the agent answered." : error.message,
        error.lost && turn.at.seen && !given ? () => this.busy || this.#run(turn, message) : null);
    }
    if (this.#turn !== turn) return; // a new conversation has begun
    turn.end();
    this.#turn = null;
    this.changed();
  }

  #follow(turn, event) {
    turn.show(event);
    this.context = turn.context || this.context;
    const state = stateOf(event);
    if (state) this.#task = state.endsWith("_REQUIRED") ? turn.at.task : "";
    this.changed();
  }

  /** stay keeps the end in sight while it grows, unless the user has scrolled away from it. */
  #stay() {
    let low = true, top = 0;
    this.grown = new ResizeObserver(() => { if (low) this.log.scrollTop = this.log.scrollHeight; });
    this.log.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.log;
      low = scrollHeight - scrollTop - clientHeight < 80 || (low && scrollTop >= top);
      top = scrollTop;
    });
  }

  /** cancel asks the agent to stop. Its stream tells what came of it. */
  async cancel() {
    const turn = this.#turn, task = turn?.at.task || this.#task;
    if (!task) return turn?.stop.abort();
    try {
      const canceled = await this.client.call("CancelTask", { id: task });
      if (turn || this.#task !== task) return;
      const closing = new Turn(task); // no stream was open
      closing.show({ task: { id: task, status: canceled.status } });
      closing.end();
      this.#add(closing.element);
      this.#task = "";
    } catch (error) {
      this.#add(make("p", { className: "problem", role: "alert" }, plain(error.message, 1000)));
    }
    this.changed();
  }

  /** fresh begins a new conversation. A task that runs goes on, unseen. */
  fresh() {
    this.#turn?.stop.abort();
    [this.#turn, this.#task, this.context] = [null, "", ""];
    this.grown.disconnect();
    for (const turn of this.log.querySelectorAll(":scope > :is(.turn, .problem)")) turn.remove();
    forget();
    this.changed();
  }

  #add(element) {
    this.log.append(element);
    this.grown.observe(element);
    this.log.scrollTop = this.log.scrollHeight;
  }
}

/** Turn is what the agent did with one message. */
class Turn {
  #artifacts = new Map();

  constructor(task) {
    this.at = { task, seen: "" };
    this.continues = task !== "";
    this.context = "";
    this.stop = new AbortController();
    this.status = make("p", { className: "status" }, "Sending");
    this.said = make("div", { className: "said" });
    this.made = make("div", { className: "made" });
    this.element = make("article", { className: "turn theirs", "aria-label": "Agent" }, this.made, this.said, this.status);
    this.element.dataset.state = "SUBMITTED";
  }

  show(event) {
    const of = event.task ?? event.statusUpdate ?? event.artifactUpdate ?? event.message ?? {};
    this.context = of.contextId || this.context;
    if (event.again) this.status.textContent = `The connection broke. Trying again (${event.again})`;
    // A turn that goes on with a task begins with what the turn before has shown.
    const known = this.continues && event.task && this.#artifacts.size === 0;
    for (const artifact of (!known && event.task?.artifacts) || []) this.#artifact(artifact, false);
    if (event.artifactUpdate) this.#artifact(event.artifactUpdate.artifact, event.artifactUpdate.append);
    if (event.message) this.#say(event.message, "COMPLETED");
    const state = stateOf(event);
    if (state) this.#state(state, of.status.message);
    else if (!event.again) this.#word();
  }

  #state(state, message) {
    this.element.dataset.state = state;
    this.#word();
    if (message) this.#say(message, state);
  }

  #word() {
    const state = this.element.dataset.state;
    this.status.textContent = words[state] ?? plain(state, 40);
  }

  /** say shows a message. What an agent says while it works gives way to what it says next. */
  #say(message, state) {
    const parts = new Parts();
    parts.add(message.parts);
    parts.element.dataset.state = state;
    this.said.replaceChildren(parts.element);
  }

  #artifact(artifact, append) {
    if (!artifact) return;
    let shown = this.#artifacts.get(artifact.artifactId);
    if (!shown || !append) {
      const name = plain(artifact.name, 100), about = plain(artifact.description, 300), parts = new Parts(name);
      const element = make("section", { className: "artifact" },
        make("header", {}, make("bdi", {}, name || "Answer"), copyButton(() => String(parts))), about && make("p", { className: "faint" }, about), parts.element);
      if (shown) shown.element.replaceWith(element);
      else if (this.#artifacts.size < mostArtifacts) this.made.append(element);
      shown = { parts, element };
      this.#artifacts.set(artifact.artifactId, shown);
    }
    shown.parts.add(artifact.parts);
  }

  /** fail shows why the turn is not shown to its end, and offers again, where it can be. */
  fail(text, again) {
    this.element.dataset.state = "BROKEN";
    this.status.textContent = "Not finished";
    const button = again && make("button", { type: "button", className: "quiet small", textContent: "Follow again" });
    this.problem = make("p", { className: "problem", role: "alert" }, plain(text, 1000), " ", button);
    button?.addEventListener("click", again);
    this.element.append(this.problem);
  }

  begin() {
    this.problem?.remove();
    this.element.setAttribute("aria-busy", "true");
  }

  end() {
    this.element.setAttribute("aria-busy", "false");
  }
}

/** id is a new UUID. A page that was not loaded over TLS has no randomUUID. */
function id() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
