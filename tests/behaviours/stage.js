// Where scenarios are played: many at once, or one alone.
'use strict';

const { EventEmitter, once } = require('node:events');

class Stage {
  #playing = 0;
  #solos = 0;
  #lastSolo = Promise.resolve();
  #change = new EventEmitter().setMaxListeners(0);

  /** Plays beside others, as soon as nobody is to play alone. */
  async together(play) {
    await this.#until(() => this.#solos === 0);
    this.#playing += 1;
    try {
      return await play();
    } finally {
      this.#playing -= 1;
      this.#change.emit('change');
    }
  }

  /** Plays when all others have finished, and before any other begins. */
  alone(play) {
    this.#solos += 1;
    const played = this.#lastSolo.then(async () => {
      await this.#until(() => this.#playing === 0);
      return play();
    });
    this.#lastSolo = played.catch(() => {}).finally(() => {
      this.#solos -= 1;
      this.#change.emit('change');
    });
    return played;
  }

  async #until(isSo) {
    while (!isSo()) await once(this.#change, 'change');
  }
}

module.exports = { Stage };
