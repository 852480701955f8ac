// Timers that are known by their names.

export class Timers {
  #ids = new Map();

  // Runs `fn` once after `time`. A timer of the same name is replaced.
  setTimeout(name, fn, time) {
    const fire = () => {
      this.clear(name);
      fn();
    };
    this.clear(name);
    this.#ids.set(name, setTimeout(fire, Math.min(milliseconds(time), TIMEOUT_MS_MAX)));
  }

  active(name) {
    return this.#ids.has(name);
  }

  // Without names all timers are cleared.
  clear(...names) {
    for (const name of names.length ? names : this.#ids.keys()) {
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

// A time in milliseconds from a number or from a text such as `30 seconds`, which npm primus takes
// for any of its times (its module millisecond). What it does not understand is 0, as there.
export const milliseconds = (time) => {
  if (+time === +time) return +time;
  const [, amount, unit] = /^([\d.]+) *(mil|ms|[smhdwy])/i.exec(time) ?? [];
  return amount * UNITS_MS[unit?.toLowerCase()] || 0;
};

const UNITS_MS = { mil: 1, ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5, y: 31536e6 };
