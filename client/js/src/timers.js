// Timers that are known by their names.

export class Timers {
  #ids = new Map();

  // Runs `fn` once after `time_ms`. A timer of the same name is replaced.
  setTimeout(name, fn, time_ms) {
    const fire = () => {
      this.#ids.delete(name);
      fn();
    };
    this.clear(name);
    this.#ids.set(name, setTimeout(fire, Math.min(time_ms, TIMEOUT_MS_MAX)));
  }

  active(name) {
    return this.#ids.has(name);
  }

  // Without names all timers are cleared.
  clear(...names) {
    for (const name of names.length ? names : [...this.#ids.keys()]) {
      clearTimeout(this.#ids.get(name));
      this.#ids.delete(name);
    }
  }

  destroy() {
    this.clear();
  }
}

// What a clock can hold. It takes anything beyond, Infinity too, for no delay at all.
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
