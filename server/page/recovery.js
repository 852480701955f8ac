// When a lost connection is tried again: the schedule that the clients of Primus have always kept.

/**
 * The attempts to connect again, further and further apart. `connect` is told to try; the outcome
 * is told back with `succeeded` or `failed`.
 */
export class Recovery {
  #emit;
  #options;
  #attempt = null;
  #timer = 0;

  constructor(emit, options = {}) {
    this.#emit = emit;
    this.#options = {
      min: 500, max: Infinity, retries: 10, factor: 2, 'reconnect timeout': 30_000, ...options,
    };
  }

  get active() {
    return this.#attempt !== null;
  }

  /** Begins, unless attempts are being made already. */
  start() {
    if (this.#attempt) return;
    this.#attempt = { ...this.#options, attempt: 0, start: Date.now(), isTrying: false };
    this.#schedule();
  }

  /** The attempt failed; whatever fails between two attempts does not count. */
  failed() {
    if (!this.#attempt?.isTrying) return;
    this.#attempt.isTrying = false;
    this.#schedule();
  }

  succeeded() {
    const attempt = this.#attempt;
    this.stop();
    attempt.duration = Date.now() - attempt.start;
    this.#emit('reconnected', attempt);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#attempt = null;
  }

  #schedule() {
    const attempt = this.#attempt;
    clearTimeout(this.#timer);
    attempt.duration = Date.now() - attempt.start;
    if (attempt.attempt === attempt.retries) {
      this.stop();
      this.#emit('reconnect failed', new Error('Unable to recover'), attempt);
      return;
    }
    attempt.attempt += 1;
    attempt.scheduled = this.#delay(attempt);
    this.#timer = setTimeout(() => this.#try(), attempt.scheduled);
    this.#emit('reconnect scheduled', attempt);
  }

  /** The first delay is exact, so that a short break is short; the others keep clients apart. */
  #delay({ attempt, min, max, factor }) {
    if (attempt === 1) return min;
    return Math.min(Math.round((1 + Math.random()) * min * factor ** (attempt - 1)), max);
  }

  #try() {
    const attempt = this.#attempt;
    attempt.isTrying = true;
    attempt.duration = Date.now() - attempt.start;
    this.#timer = setTimeout(() => {
      this.#emit('reconnect timeout', new Error('Failed to reconnect in a timely manner'), attempt);
      this.failed();
    }, attempt['reconnect timeout']);
    this.#emit('reconnect', attempt);
  }
}
