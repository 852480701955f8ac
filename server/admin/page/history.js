// The samples that the server has taken: a list for each number, the newest last.

/** As many as the server keeps. */
const SAMPLES_MAX = 900;

export class History {
  #columns = { at: [] };

  /** Takes over what the server has kept. */
  replace(columns) {
    this.#columns = { at: [], ...columns };
  }

  add(sample) {
    if (sample.at <= (this.last('at') ?? 0)) return;
    const length = this.length;
    for (const [name, number] of Object.entries(sample)) {
      this.#columns[name] ??= Array.from({ length }, () => null);
      this.#columns[name].push(number);
    }
    if (length + 1 <= SAMPLES_MAX) return;
    for (const column of Object.values(this.#columns)) column.shift();
  }

  get length() {
    return this.#columns.at.length;
  }

  column(name) {
    return this.#columns[name] ?? [];
  }

  last(name) {
    return this.column(name).at(-1);
  }

  /** Where the samples begin that are no older than this moment. */
  from(at) {
    const times = this.#columns.at;
    let place = times.length;
    while (place > 0 && times[place - 1] >= at) place -= 1;
    return place;
  }
}
