// The switch between transformers: those that the server offers, one of them in use. The choice is
// part of the page's address, so that it outlives a reload and can be shared.

/** What each does, in a sentence. */
const TRANSFORMERS = {
  websockets: 'One WebSocket and nothing else: the shortest way.',
  faye: 'One WebSocket, by a server that also understands the drafts of old browsers.',
  uws: 'One WebSocket, by the leanest of servers.',
  'engine.io': 'Begins with polling, then moves to a WebSocket if one gets through.',
  sockjs: 'A WebSocket, or else streaming, or else polling: whatever gets through.',
  browserchannel: 'HTTP alone: one long answer from the server, short requests to it.',
};

const PARSERS_OF_BYTES = ['msgpack', 'binary'];

export class Transformers {
  #list;
  #hint;
  #chosen = '';

  /** `choose` is called with the name of a transformer that a person chose. */
  constructor(list, hint, choose) {
    this.#list = list;
    this.#hint = hint;
    list.addEventListener('change', ({ target }) => {
      this.#use(target.value);
      history.replaceState(null, '', `#${target.value}`);
      choose(target.value);
    });
  }

  /** The one in use. */
  get chosen() {
    return this.#chosen;
  }

  /**
   * Shows what a server with this transformer and this parser offers, and keeps the choice if it is
   * among it. Of all transformers only sockjs carries no bytes.
   */
  offer(transformer, parser) {
    const all = Object.keys(TRANSFORMERS);
    const isCarried = (name) => name !== 'sockjs' || !PARSERS_OF_BYTES.includes(parser);
    const names = transformer === 'any' ? all.filter(isCarried) : [transformer];
    const wanted = decodeURIComponent(location.hash.slice(1));
    this.#list.replaceChildren(...names.map(option));
    this.#use([this.#chosen, wanted, names[0]].find((name) => names.includes(name)));
  }

  #use(name) {
    this.#chosen = name;
    this.#list.querySelector(`[value="${CSS.escape(name)}"]`).checked = true;
    this.#hint.textContent = TRANSFORMERS[name] ?? '';
  }
}

function option(name) {
  const label = document.createElement('label');
  const input = document.createElement('input');
  const text = document.createElement('span');
  Object.assign(input, { type: 'radio', name: 'transformer', value: name });
  text.textContent = name;
  label.append(input, text);
  return label;
}
