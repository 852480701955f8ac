// A WebSocket for Node.js: the client of RFC 6455, as much of the browser's interface as transports
// use, and no extensions.
//
// `new NodeWebSocket(url, protocols, options)`, with three arguments, as transports know one for
// Node.js from a browser's. URLs are `ws:`, `wss:` and, for a socket of the file system,
// `ws+unix:/path/of/the/socket:/path?query`. Options are those of `http.request` and, over TLS,
// of `https.request` (`headers`, `agent`, `ca`, ..), and:
// - `maxPayload`: bytes of the longest message that is taken. Default 100 MiB, as in npm ws;
// - `handshakeTimeout`: milliseconds that the server has to answer. Default: no limit.

import { FRAMES, FrameReader, writeFrame } from './frames.js';

const MESSAGE_BYTES_MAX = 100 * 1024 * 1024;

// How long the peer has to close after we have.
const CLOSING_MS = 5000;

// Section 4.2.2 of RFC 6455.
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

// Values of `readyState`.
const STATES = { connecting: 0, open: 1, closing: 2, closed: 3 };

export class NodeWebSocket {
  onopen = null;
  onmessage = null;
  onerror = null;
  onclose = null;
  // Bytes are always handed out like that.
  binaryType = 'arraybuffer';
  url;
  readyState = STATES.connecting;
  #crypto = process.getBuiltinModule('node:crypto');
  #request;
  #socket;
  #reader;
  #timer;
  // What the peer said when it closed.
  #end = { code: 1006, reason: '', wasClean: false };

  constructor(url, protocols, options) {
    const { maxPayload = MESSAGE_BYTES_MAX, handshakeTimeout, ...others } = options ?? {};
    this.url = String(url);
    this.#reader = new FrameReader(maxPayload, (type, payload) => this.#hear(type, payload));
    this.#connect([protocols ?? []].flat().join(', '), others);
    if (handshakeTimeout) this.#request.setTimeout(handshakeTimeout, () => this.#giveUp());
  }

  // Texts are sent as text, an ArrayBuffer and its views as bytes.
  send(data) {
    if (this.readyState === STATES.connecting) throw new Error('The connection is not open yet');
    if (this.readyState !== STATES.open) return;
    if (typeof data === 'string') return this.#write(FRAMES.text, Buffer.from(data));
    const isView = ArrayBuffer.isView(data);
    const { buffer, byteOffset, byteLength } = isView ? data : { buffer: data };
    this.#write(FRAMES.binary, Buffer.from(buffer, byteOffset, byteLength));
  }

  close(code = 1000, reason = '') {
    if (this.readyState === STATES.connecting) {
      this.readyState = STATES.closing;
      process.nextTick(() => this.#giveUp());
    } else if (this.readyState === STATES.open) {
      this.#sayGoodbye(code, reason);
    }
  }

  #connect(protocols, { headers, ...options }) {
    const { isSecure, ...target } = targetOf(this.url);
    const { request } = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http');
    const key = this.#crypto.randomBytes(16).toString('base64');
    this.#request = request({
      ...options,
      ...target,
      headers: {
        ...headers,
        ...(protocols && { 'Sec-WebSocket-Protocol': protocols }),
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': 13,
        'Sec-WebSocket-Key': key,
      },
    });
    this.#request.on('upgrade', (response, socket, head) => {
      this.#upgraded(response, socket, head, key);
    });
    this.#request.on('response', ({ statusCode }) => {
      this.#fail(new Error(`Unexpected server response: ${statusCode}`));
    });
    this.#request.on('error', (error) => this.#fail(error));
    this.#request.end();
  }

  #upgraded({ headers }, socket, head, key) {
    this.#socket = socket;
    socket.on('error', () => {});
    if (this.readyState !== STATES.connecting) return socket.destroy();
    const expected = this.#crypto.createHash('sha1').update(key + ACCEPT_GUID).digest('base64');
    if (headers['sec-websocket-accept'] !== expected || headers['sec-websocket-extensions']) {
      return this.#fail(new Error('The server does not speak WebSocket'));
    }
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.on('data', (piece) => this.#read(piece));
    socket.on('end', () => socket.end());
    socket.on('close', () => this.#closed());
    this.readyState = STATES.open;
    this.#emit('open');
    if (head.length > 0) this.#read(head);
  }

  #read(piece) {
    if (this.readyState === STATES.closed) return;
    try {
      this.#reader.push(piece);
    } catch (error) {
      if (this.readyState === STATES.open) this.#sayGoodbye(error.code, '');
      this.#fail(error);
    }
  }

  #hear(type, payload) {
    if (type === FRAMES.ping) this.#write(FRAMES.pong, payload);
    else if (type === FRAMES.close) this.#peerCloses(payload);
    else if (type !== FRAMES.pong && this.readyState === STATES.open) this.#deliver(payload);
  }

  // A copy of its own for bytes: what was received may share its memory with what follows.
  #deliver(payload) {
    const data = typeof payload === 'string' ? payload : Uint8Array.from(payload).buffer;
    this.#emit('message', { data });
  }

  #peerCloses({ code, reason }) {
    this.#end = { code, reason, wasClean: true };
    if (this.readyState === STATES.open) this.#sayGoodbye(code === 1005 ? 1000 : code, reason);
    this.#socket.end();
  }

  #sayGoodbye(code, reason) {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    this.#write(FRAMES.close, payload);
    this.readyState = STATES.closing;
    this.#timer = setTimeout(() => this.#socket.destroy(), CLOSING_MS);
  }

  #write(type, payload) {
    if (this.#socket.writable) {
      this.#socket.write(writeFrame(type, payload, this.#crypto.randomBytes(4)));
    }
  }

  #giveUp() {
    this.#fail(new Error('The connection was closed before it was open'));
  }

  #fail(error) {
    if (this.readyState === STATES.closed) return;
    this.#request.destroy();
    this.#socket?.destroySoon();
    this.#emit('error', { error, message: error.message });
    this.#closed();
  }

  #closed() {
    clearTimeout(this.#timer);
    if (this.readyState === STATES.closed) return;
    this.readyState = STATES.closed;
    this.#emit('close', this.#end);
  }

  // What a listener throws must not end the connection. It is reported as in a browser.
  #emit(type, details) {
    try {
      this[`on${type}`]?.({ type, target: this, ...details });
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }
}

// What to ask for, in the words of `http.request`.
const targetOf = (address) => {
  const { protocol, username, password, hostname, port, pathname, search } = new URL(address);
  if (protocol === 'ws+unix:') {
    const [socketPath, path = '/'] = pathname.split(':');
    return { socketPath, path: path + search };
  }
  if (!/^wss?:$/.test(protocol)) throw new SyntaxError(`A WebSocket has no URL like ${address}`);
  const auth = username && { auth: decodeURIComponent(`${username}:${password}`) };
  const host = hostname.replace(/^\[|]$/g, '');
  return { isSecure: protocol === 'wss:', host, port, path: pathname + search, ...auth };
};
