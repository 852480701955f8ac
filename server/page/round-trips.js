// How long messages take to the server and back. A message is known again by its text, oldest
// first, so that those of others may come in between.

const WAITING_MAX = 200;
const KEPT_MAX = 101;

export class RoundTrips {
  /** The last round trip in milliseconds, or null. */
  last = null;
  #waiting = [];
  #kept = [];

  sent(text) {
    this.#waiting.push({ text, at: performance.now() });
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
  }

  /** Milliseconds since that message was sent, or null if it was not sent from here. */
  received(text) {
    const index = this.#waiting.findIndex((message) => message.text === text);
    if (index < 0) return null;
    // The server answers in order: whatever was sent before and did not come back is lost.
    const [{ at }] = this.#waiting.splice(0, index + 1).slice(-1);
    this.last = performance.now() - at;
    this.#kept.push(this.last);
    if (this.#kept.length > KEPT_MAX) this.#kept.shift();
    return this.last;
  }

  median() {
    if (this.#kept.length === 0) return null;
    const sorted = [...this.#kept].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  /** The connection is gone, and with it every answer. */
  forget() {
    this.#waiting = [];
  }
}
