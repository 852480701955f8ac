// Runs in the page: the clients of the packages behind one face.
'use strict';

/**
 * A client that has been told to open with one transport alone; `upgrade` is that of engine.io from
 * polling to a WebSocket. A subclass makes the `socket` and feeds `opened`, `took` and `closed`.
 */
class Client {
  messages = [];
  /** Why it is closed, in the words of the package. */
  reason = null;
  #waiting = new Map();
  #wake = () => {};

  /** Resolves with 'open' once the client is open, or with a complaint if it closes before. */
  open = this.#milestone('open');
  /** Resolves with the reason once the client is closed. */
  close = this.#milestone('close');

  send(text) {
    this.socket.send(text);
  }

  end() {
    this.socket.close();
  }

  /** Resolves with all messages so far once there are `count`; a close before that is an error. */
  async received(count) {
    while (this.messages.length < count) {
      if (this.reason !== null) {
        throw new Error(`closed with ${this.messages.length} of ${count} messages: ${this.reason}`);
      }
      await new Promise((resolve) => { this.#wake = resolve; });
    }
    return this.messages;
  }

  #milestone(name) {
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }

  opened() {
    this.#waiting.get('open')('open');
  }

  took(message) {
    this.messages.push(message);
    this.#wake();
  }

  closed(reason) {
    this.reason = reason;
    this.#waiting.get('open')(`closed before it was open: ${reason}`);
    this.#waiting.get('close')(reason);
    this.#wake();
  }
}

class EngineIo extends Client {
  constructor(url, transport) {
    super();
    const transports = transport === 'upgrade' ? ['polling', 'websocket'] : [transport];
    this.socket = eio(url, { path: '/primus', transports });
    this.socket.on(transport === 'upgrade' ? 'upgrade' : 'open', () => this.opened());
    this.socket.on('message', (data) => this.took(data));
    this.socket.on('close', (reason) => this.closed(reason));
  }

  get transport() {
    return this.socket.transport.name;
  }
}

class Sock extends Client {
  constructor(url, transport) {
    super();
    // By itself it waits for a transport as long as the server's first answer makes likely.
    this.socket = new SockJS(`${url}/primus`, null, { transports: [transport], timeout: 10_000 });
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = ({ data }) => this.took(data);
    this.socket.onclose = ({ code, reason }) => this.closed(`${code} ${reason}`);
  }

  get transport() {
    return this.socket.transport;
  }
}

class BrowserChannel extends Client {
  transport = 'xhr';

  constructor(url) {
    super();
    const crossDomainXhr = new URL(url).origin !== location.origin;
    this.socket = new BCSocket(`${url}/primus`, { crossDomainXhr });
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = ({ data }) => this.took(data);
    this.socket.onclose = (reason) => this.closed(reason);
  }
}

const CLIENTS = { 'engine.io': EngineIo, 'sockjs': Sock, 'browserchannel': BrowserChannel };

/** A client of the transformer with that name. */
function connect(transformer, url, transport) {
  return new CLIENTS[transformer](url, transport);
}
