import { Emitter } from './emitter.js';
import { Timers, milliseconds } from './timers.js';

// Reconnects with a randomised exponential back-off (npm recovery). Attempt 1 comes after exactly
// `min`; attempt n > 1 after `min((1 + random) * min * factor^(n - 1), max)`, rounded.
//
// Emits `reconnect scheduled` (attempt), `reconnect` (attempt, done), `reconnect timeout` (error,
// attempt), `reconnected` (attempt) and `reconnect failed` (error, attempt). The attempt is one
// object for a whole procedure: it counts on.
export class Recovery extends Emitter {
  constructor(options) {
    super();
    this._fn = this.attempt = null;
    this.timers = new Timers();
    Object.assign(this, attemptOptions(options ?? {}, RECOVERY_DEFAULTS));
  }

  // Begins a procedure, or has the one under way make its next attempt.
  reconnect() {
    return this.#backOff(this.attempt ?? {});
  }

  reconnecting() {
    return !!this.attempt;
  }

  // Tells how the present attempt went: without an error the connection is there.
  reconnected(error) {
    this._fn?.(error);
    return this;
  }

  reset() {
    this._fn = this.attempt = null;
    this.timers.clear('reconnect', 'timeout');
    return this;
  }

  destroy() {
    this.reset();
    this.removeAllListeners();
  }

  #backOff(attempt) {
    if (attempt.backoff) return this;
    Object.assign(attempt, attemptOptions(attempt, this));
    attempt.start ??= Date.now();
    attempt.duration ??= 0;
    attempt.attempt ??= 0;
    if (attempt.attempt === attempt.retries) {
      return this.#finish(attempt, new Error('Unable to recover'));
    }
    attempt.backoff = true;
    attempt.attempt += 1;
    attempt.scheduled = delayBefore(attempt);
    this.attempt = attempt;
    // The attempt before this one is over, even when nobody told how it went.
    this._fn = null;
    this.timers.clear('timeout');
    this.timers.setTimeout('reconnect', () => this.#try(attempt), attempt.scheduled);
    this.emit('reconnect scheduled', attempt);
    return this;
  }

  #try(attempt) {
    attempt.duration = Date.now() - attempt.start;
    attempt.backoff = false;
    const done = (error) => {
      if (this._fn !== done) return;
      if (error) this.#backOff(attempt);
      else this.#finish(attempt);
    };
    this._fn = done;
    this.emit('reconnect', attempt, done);
    if (this._fn !== done) return;
    const expire = () => {
      const error = new Error('Failed to reconnect in a timely manner');
      attempt.duration = Date.now() - attempt.start;
      this.emit('reconnect timeout', error, attempt);
      done(error);
    };
    this.timers.setTimeout('timeout', expire, attempt['reconnect timeout']);
  }

  #finish(attempt, error) {
    this.reset();
    attempt.duration = Date.now() - attempt.start;
    if (error) this.emit('reconnect failed', error, attempt);
    else this.emit('reconnected', attempt);
    return this;
  }
}

const RECOVERY_DEFAULTS = {
  'reconnect timeout': 30_000,
  retries: 10,
  factor: 2,
  max: Infinity,
  min: 500,
};

const attemptOptions = (options, fallback) => {
  const chosen = {};
  for (const name in RECOVERY_DEFAULTS) {
    chosen[name] = name in options ? milliseconds(options[name]) : fallback[name];
  }
  return chosen;
};

const delayBefore = ({ attempt, min, max, factor }) => {
  if (attempt === 1) return min;
  return Math.min(Math.round((Math.random() + 1) * min * factor ** (attempt - 1)), max);
};
