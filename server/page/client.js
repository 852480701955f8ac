// A small Primus client for WebSockets: just enough for the page, with Primus's own names, so that
// the JavaScript library of AllSpark can take its place.
//
// It knows nothing about the page. Everything it does is told through events: `open`, `data`,
// `end`, `close`, `error`, `timeout`, `offline`, `online`, `readyStateChange`, `incoming::ping`,
// `outgoing::pong`, `reconnect scheduled`, `reconnect`, `reconnect timeout`, `reconnected` and
// `reconnect failed`.

import { Recovery } from './recovery.js';

class Emitter {
  #listeners = new Map();

  on(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...listeners, listener]);
    return this;
  }

  once(event, listener) {
    const first = (...values) => {
      this.off(event, first);
      listener(...values);
    };
    return this.on(event, first);
  }

  off(event, listener) {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, listeners.filter((other) => other !== listener));
    return this;
  }

  emit(event, ...values) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...values);
  }
}

/** How a value becomes what a WebSocket carries, and back. */
const parsers = {
  json: {
    encode: (value) => JSON.stringify(value),
    decode: (packet) => (isText(packet) ? JSON.parse(packet) : packet),
  },
  raw: {
    encode: (value) => (isText(value) || isBinary(value) ? value : JSON.stringify(value)),
    decode: (packet) => packet,
  },
};

const isText = (value) => typeof value === 'string';
const isBinary = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/** One connection to a server, and its successors after it was lost. */
export class Primus extends Emitter {
  static OPENING = 1;
  static CLOSED = 2;
  static OPEN = 3;

  readyState = Primus.CLOSED;
  online = true;

  #url;
  #options;
  #parser;
  #recovery;
  #socket = null;
  #queue = [];
  /** Whether the server said that it ends this connection on purpose. */
  #isIntended = false;
  /** Whether there was something to come back to when the network went away. */
  #isWanted = false;
  #connectTimer = 0;
  #heartbeatTimer = 0;

  /**
   * `url` is that of the server, with the user's query if there is one. Options and their defaults
   * are those of Primus: pathname, parser, timeout, pingTimeout, queueSize, strategy, reconnect.
   */
  constructor(url, options = {}) {
    super();
    this.#url = url;
    this.#options = {
      pathname: '/primus',
      parser: 'json',
      timeout: 10_000,
      pingTimeout: 45_000,
      queueSize: Infinity,
      strategy: ['disconnect', 'online', 'timeout'],
      ...options,
    };
    this.#parser = parsers[this.#options.parser];
    if (!this.#parser) throw new Error(`This client does not know the parser ${options.parser}`);
    this.#recovery = new Recovery((...event) => this.emit(...event), this.#options.reconnect);
    this.on('reconnect', () => this.#connect());
    this.on('reconnect failed', () => this.emit('end'));
    globalThis.addEventListener?.('offline', () => this.#networkLost());
    globalThis.addEventListener?.('online', () => this.#networkBack());
  }

  /** Connects. Does nothing if it is connected, or on the way to it. */
  open() {
    if (this.readyState !== Primus.CLOSED || this.#recovery.active) return this;
    this.#connectTimer = setTimeout(() => this.#connectTimedOut(), this.#options.timeout);
    this.#connect();
    return this;
  }

  /** Sends a value, or keeps it until there is a connection; a full queue loses its oldest. */
  write(value) {
    if (this.readyState === Primus.OPEN) {
      this.#socket.send(this.#parser.encode(value));
    } else {
      if (this.#queue.length >= this.#options.queueSize) this.#queue.shift();
      this.#queue.push(value);
    }
    return true;
  }

  /** Ends the connection, or the attempts to get one. */
  end() {
    if (this.#recovery.active) {
      this.#recovery.stop();
      this.#leave();
      this.emit('end');
    } else if (this.readyState !== Primus.CLOSED) {
      this.#leave();
      this.emit('close');
      this.emit('end');
    }
    return this;
  }

  /** Asks the server for the spark's id. */
  id(answer) {
    this.once('incoming::id', answer);
    this.write('primus::id::');
    return this;
  }

  /** Cuts the connection as a broken network would, so that it is made anew. */
  drop() {
    if (this.readyState === Primus.OPEN) this.#lost();
    return this;
  }

  #connect() {
    this.#release();
    this.#become(Primus.OPENING);
    const url = new URL(this.#url);
    url.protocol = url.protocol.replace('http', 'ws');
    url.pathname = this.#options.pathname;
    url.searchParams.set('_primuscb', crypto.getRandomValues(new Uint32Array(1))[0].toString(36));
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#received(event.data);
    socket.onerror = () => this.#failed();
    socket.onclose = () => this.#lost();
    this.#socket = socket;
  }

  #opened() {
    clearTimeout(this.#connectTimer);
    if (this.#recovery.active) this.#recovery.succeeded();
    if (!this.online) {
      this.online = true;
      this.emit('online');
    }
    this.#become(Primus.OPEN);
    this.#expectPing();
    for (const value of this.#queue.splice(0)) this.write(value);
    this.emit('open');
  }

  #received(packet) {
    let value;
    try {
      value = this.#parser.decode(packet);
    } catch (error) {
      this.emit('error', error);
      return;
    }
    if (typeof value === 'string' && value.startsWith('primus::')) this.#obey(value);
    else this.emit('data', value);
  }

  /** A message of the protocol itself. One that is unknown is ignored. */
  #obey(message) {
    const colon = message.indexOf(':', 8);
    const value = message.slice(colon + 2);
    switch (message.slice(8, colon)) {
      case 'ping':
        this.emit('incoming::ping', Number(value));
        this.#expectPing();
        this.emit('outgoing::pong', Number(value));
        this.write(`primus::pong::${value}`);
        break;
      case 'server':
        this.#isIntended ||= value === 'close';
        break;
      case 'id':
        this.emit('incoming::id', value);
        break;
    }
  }

  /** The socket reported an error. While attempts are made, that is the failure of one. */
  #failed() {
    if (this.#recovery.active) {
      this.#leave();
      this.#recovery.failed();
      return;
    }
    this.emit('error', new Error('The connection failed'));
    if (this.readyState === Primus.OPENING) this.#retryOrEnd('timeout');
  }

  /** The connection is over, by the server's will or by nobody's. */
  #lost() {
    const wasOpen = this.readyState === Primus.OPEN;
    if (this.#isIntended) {
      this.end();
    } else if (this.#recovery.active) {
      this.#leave();
      this.#recovery.failed();
    } else if (wasOpen) {
      this.#leave();
      this.emit('close');
      this.#retryOrEnd('disconnect');
    } else {
      this.end();
    }
  }

  #connectTimedOut() {
    this.emit('timeout');
    this.#retryOrEnd('timeout');
  }

  #retryOrEnd(reason) {
    this.#leave();
    if (this.#options.strategy.includes(reason)) this.#recovery.start();
    else this.emit('end');
  }

  /** The server pings; when it stops doing so, the connection is lost. */
  #expectPing() {
    clearTimeout(this.#heartbeatTimer);
    if (!this.#options.pingTimeout) return;
    this.#heartbeatTimer = setTimeout(() => {
      if (!this.online) return;
      this.online = false;
      this.emit('offline');
      this.#lost();
    }, this.#options.pingTimeout);
  }

  #networkLost() {
    if (!this.online) return;
    this.#isWanted = this.readyState !== Primus.CLOSED || this.#recovery.active;
    this.online = false;
    this.emit('offline');
    this.end();
  }

  #networkBack() {
    if (this.online) return;
    this.online = true;
    this.emit('online');
    if (this.#isWanted && this.#options.strategy.includes('online')) this.#recovery.start();
  }

  #leave() {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#heartbeatTimer);
    this.#release();
    this.#isIntended = false;
    this.#become(Primus.CLOSED);
  }

  #release() {
    if (!this.#socket) return;
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    socket.close();
    this.#socket = null;
  }

  #become(state) {
    if (this.readyState === state) return;
    this.readyState = state;
    const names = { [Primus.OPENING]: 'opening', [Primus.CLOSED]: 'end', [Primus.OPEN]: 'open' };
    this.emit('readyStateChange', names[state]);
  }
}
