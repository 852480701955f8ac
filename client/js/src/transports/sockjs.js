// The transport of sockjs: SockJS 0.3, text only. It goes through a list of carriers until one
// opens, each with a session of its own.
//
// The request for `/info` is not made: Primus presets what it would say. So how long a round trip
// takes is not known either, and every carrier has the same time to open. Options of `transport`:
// `transports` (names of carriers as in sockjs-client, default all), `timeout` (milliseconds that
// a carrier has to open, if more than 3000) and `server` (the first part of a session's path).

import { extend, request, tell } from './http.js';
import { openSocket, socketClass } from './socket.js';

export const sockjs = (link) => new SockJs(link);

// Three carriers must have their turn within the ten seconds that Primus gives a connection.
const CARRIER_OPENS_MS = 3000;

// How long a goodbye may take, with everything that was written before.
const LAST_WORDS_MS = 5000;

// What one request sends, but for a last message; servers take a multiple of it.
const SENT_CHARS = 128 * 1024;

// How sessions end: as they should, lost, never opened, too slow.
const NORMAL = 1000;
const LOST = 1006;
const ALL_FAILED = 2000;
const TIMED_OUT = 2007;

class SockJs {
  #link;
  #uri;
  #options;
  #names;
  #carrier;
  #outbox = [];
  // The promise of a request that sends.
  #sending;
  #isOpen = false;
  #isClosing = false;
  #isOver = false;
  #timer;

  constructor(link) {
    this.#link = link;
    this.#uri = link.uri({ protocol: 'http:', query: true });
    this.#options = link.options.transport ?? {};
    const wanted = this.#options.transports ?? Object.keys(carriers);
    this.#names = Object.keys(carriers).filter((name) => {
      if (name === 'websocket' && link.options.websockets === false) return false;
      if (name === 'eventsource' && !globalThis.EventSource) return false;
      return wanted.includes(name);
    });
    // Who wants a WebSocket and nothing else is told that there is none.
    const [first, ...others] = this.#names;
    if (first === 'websocket' && others[0] && !socketClass(link)) this.#names = others;
    this.#connect();
  }

  send(packet) {
    if (this.#isClosing) return;
    this.#outbox.push(JSON.stringify(`${packet}`));
    this.#flush();
  }

  // What was written is sent first.
  close() {
    if (this.#isClosing || this.#isOver) return;
    this.#isClosing = true;
    this.#wait(LAST_WORDS_MS, () => this.#end());
    this.#flush();
  }

  // Tries the next carrier.
  #connect() {
    const name = this.#names.shift();
    this.#carrier = undefined;
    if (!name) return queueMicrotask(() => this.#finish(ALL_FAILED, 'All transports failed'));
    const { server = `${Math.floor(Math.random() * 1000)}`.padStart(3, '0') } = this.#options;
    const uri = extend(this.#uri, `/${server}/${sessionName()}`);
    const isCurrent = () => this.#carrier === carrier;
    const hear = (frame) => isCurrent() && this.#take(frame);
    const lost = (code, reason) => isCurrent() && this.#lost(code, reason);
    const carrier = carriers[name](uri, hear, lost, this.#link);
    this.#carrier = carrier;
    const late = () => this.#lost(TIMED_OUT, 'Transport timed out');
    this.#wait(Math.max(this.#options.timeout ?? 0, CARRIER_OPENS_MS), late);
  }

  #lost(code, reason) {
    if (this.#isOpen || this.#isClosing) return this.#finish(code, reason);
    this.#carrier.close();
    this.#connect();
  }

  #take(frame) {
    if (this.#isOver) return;
    const type = frame[0];
    if (type === 'o') return this.#opened();
    if (!'amc'.includes(type)) return;
    let content;
    try {
      content = JSON.parse(frame.slice(1));
    } catch {
      return this.#finish(LOST, 'Bad frame');
    }
    if (type === 'c') return this.#finish(...content);
    for (const message of type === 'a' ? content : [content]) this.#receive(message);
  }

  #receive(message) {
    if (!this.#isClosing && !this.#isOver) tell(this.#link, 'received', message);
  }

  #opened() {
    // The server was started anew and knows nothing of what was before.
    if (this.#isOpen) return this.#finish(LOST, 'Server lost session');
    this.#isOpen = true;
    clearTimeout(this.#timer);
    tell(this.#link, 'opened');
    this.#flush();
  }

  // Sends what waits, and then the goodbye.
  #flush() {
    while (this.#outbox.length > 0 && this.#isOpen && !this.#isOver && !this.#sending) {
      this.#sending = this.#carrier.send(this.#batch());
      this.#sending?.then(
        () => {
          this.#sending = undefined;
          this.#flush();
        },
        (error) => this.#finish(LOST, `Sending error: ${error.message}`),
      );
    }
    if (this.#isClosing && !this.#sending) this.#end();
  }

  #batch() {
    let count = 0;
    for (let chars = 0; chars < SENT_CHARS && count < this.#outbox.length; count += 1) {
      chars += this.#outbox[count].length;
    }
    return `[${this.#outbox.splice(0, count)}]`;
  }

  #wait(ms, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  // Codes above that of a normal end are errors, as in Primus.
  #finish(code, reason) {
    const isError = code > NORMAL && !this.#isClosing;
    this.#end(isError && Object.assign(new Error(reason), { code, reason }));
  }

  #end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#carrier?.close();
    if (error) tell(this.#link, 'failed', error);
    tell(this.#link, 'ended');
  }
}

// As many characters, and the same ones, as the names that sockjs-client makes. Who guesses the
// name has the session, so it must not follow from names that were seen before.
const sessionName = () => {
  const characters = 'abcdefghijklmnopqrstuvwxyz012345';
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => characters[byte % 32]).join('');
};

const overWebSocket = (uri, hear, lost, link) => {
  const socket = openSocket(link, extend(uri.replace('http', 'ws'), '/websocket'));
  socket.onmessage = ({ data }) => hear(data);
  socket.onclose = ({ code, reason }) => lost(code, reason || 'WebSocket connection broken');
  // The end follows.
  socket.onerror = () => {};
  return { send: (messages) => socket.send(messages), close: () => socket.close() };
};

// Sends with requests. `receive` receives in its own way; it returns how to stop that.
const overRequests = (receive) => (uri, hear, lost) => {
  let sending;
  const stop = receive(uri, hear, (reason) => lost(LOST, reason));
  return {
    send(body) {
      const headers = { 'content-type': 'text/plain' };
      sending = request(extend(uri, '/xhr_send'), { ...POST, body, headers });
      return sending.done;
    },
    close() {
      stop();
      sending?.abort();
    },
  };
};

// sockjs-client sends cookies to other origins too.
const POST = { method: 'POST', credentials: 'include' };

// Frames are lines, of one answer or of many: an answer ends when it has become long.
const overLines = (path) =>
  overRequests((uri, hear, lost) => {
    let current;
    const ask = () => {
      let line = '';
      let count = 0;
      current = request(extend(uri, path), POST, (text) => {
        const lines = text.split('\n');
        lines[0] = line + lines[0];
        line = lines.pop();
        count += lines.length;
        for (const frame of lines) hear(frame);
      });
      // To ask again after an answer of nothing would go on like this for ever.
      const again = () => (count > 0 ? ask() : lost('The server answered without a frame'));
      current.done.then(again, (error) => lost(error.message));
    };
    ask();
    return () => current.abort();
  });

const overEventSource = overRequests((uri, hear, lost) => {
  let source;
  const ask = () => {
    let count = 0;
    source = new EventSource(extend(uri, '/eventsource'));
    source.onmessage = ({ data }) => {
      count += 1;
      // Servers write the characters that would end a line, and percent signs, as in a URL.
      hear(decodeURI(data));
    };
    // It would connect again by itself, but later, and without an end.
    source.onerror = () => {
      source.close();
      if (count > 0) ask();
      else lost('The server answered without a frame');
    };
  };
  ask();
  return () => source.close();
});

// By the names that sockjs-client gives them, in its order. A carrier is a function of the URL of a
// session, of who hears its frames and of who is told the code and reason when it is lost.
// It returns `{ send(body), close() }`; `send` returns a promise if another one must wait for it.
const carriers = {
  websocket: overWebSocket,
  'xhr-streaming': overLines('/xhr_streaming'),
  eventsource: overEventSource,
  'xhr-polling': overLines('/xhr'),
};
