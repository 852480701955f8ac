// The transport of engine.io: protocol 4, as engine.io-client 6 speaks it for Primus. A session
// begins with polling and then moves to a WebSocket, if one can be opened.
//
// Packets are texts that begin with their type; bytes are base64 behind a `b` on both carriers,
// which Primus's client asks for (`b64`). At most one poll and one POST are under way, so nothing
// is reordered. Options of `transport`: `transports` (default: polling, websocket), `upgrade`,
// `withCredentials`, `extraHeaders`.

import { fromBase64, toBase64 } from './base64.js';
import { extend, request, tell, unique } from './http.js';
import { openSocket, socketClass, socketError } from './socket.js';

export const engineIo = (link) => new EngineIo(link);

// Types of packets. The server says OPEN, PING and NOOP only, the client PONG and UPGRADE.
const OPEN_PACKET = '0';
const CLOSE_PACKET = '1';
const PING_PACKET = '2';
const PONG_PACKET = '3';
const MESSAGE_PACKET = '4';
const UPGRADE_PACKET = '5';
const BYTES_PACKET = 'b';
const PROBE = 'probe';

const SEPARATOR = '\x1e';

// A text in which a separator would end the packet goes as bytes. Only the parser raw has such.
const framed = (packet) => {
  if (!packet.includes(SEPARATOR)) return packet;
  return BYTES_PACKET + toBase64(textBytes(packet.slice(1)));
};

const textBytes = (text) => new TextEncoder().encode(text);

// How long a goodbye may take, with everything that was written before.
const GOODBYE_MS = 5000;

class EngineIo {
  id;
  #link;
  #uri;
  #options;
  #names;
  #handshake;
  #outbox = [];
  // Requests that are under way, and the WebSocket if there is one, in use or probing.
  #poll;
  #post;
  #socket;
  #isUpgraded = false;
  // The WebSocket can take over as soon as no request is under way.
  #isPausing = false;
  #isClosing = false;
  #isOver = false;
  #timer;

  constructor(link) {
    this.#link = link;
    this.#uri = link.uri({ protocol: 'http:', query: true });
    this.#options = link.options.transport ?? {};
    this.#names = (this.#options.transports ?? ['polling', 'websocket']).filter(
      (name) => name !== 'websocket' || link.options.websockets !== false,
    );
    if (this.#names[0] === 'websocket') {
      this.#isUpgraded = true;
      this.#openSocket();
    } else {
      this.#pollOnce();
    }
  }

  send(packet) {
    if (this.#isClosing) return;
    const isText = typeof packet === 'string';
    this.#outbox.push(isText ? MESSAGE_PACKET + packet : BYTES_PACKET + toBase64(packet));
    this.#flush();
  }

  // What was written is sent first. A session that is being opened by polling is closed once it is
  // open, or the server would keep it until its pings time out.
  close() {
    if (this.#isClosing || this.#isOver) return;
    this.#wait(GOODBYE_MS);
    this.#isClosing = true;
    if (this.#isUpgraded && !this.id) this.#socket.close();
    else if (!this.#isUpgraded && !this.#isPausing) this.#dropSocket();
    this.#flush();
  }

  #uriOf(transport) {
    const isSocket = transport === 'websocket';
    const uri = isSocket ? this.#uri.replace('http', 'ws') : this.#uri;
    const sid = this.id ? `&sid=${encodeURIComponent(this.id)}` : '';
    const b64 = isSocket || !sid ? '&b64=1' : '';
    return extend(uri, '/', `&EIO=4&transport=${transport}&t=${unique()}${b64}${sid}`);
  }

  #request(init, hear) {
    const { withCredentials, extraHeaders } = this.#options;
    const headers = { ...extraHeaders, ...init.headers };
    // As with an XMLHttpRequest, cookies are sent to the page's own origin anyway.
    const credentials = withCredentials ? 'include' : 'same-origin';
    return request(this.#uriOf('polling'), { ...init, headers, credentials }, hear);
  }

  #pollOnce() {
    let body = '';
    this.#poll = this.#request({}, (text) => {
      body += text;
    });
    this.#poll.done.then(
      () => {
        this.#poll = undefined;
        for (const packet of body.split(SEPARATOR)) this.#take(packet);
        if (!this.#isOver) this.#continue();
      },
      (error) => this.#end(error),
    );
  }

  #continue() {
    if (!this.id) return this.#end(new Error('The server opened no session'));
    if (this.#isPausing) this.#takeOver();
    else if (!this.#isUpgraded && !this.#poll && !this.#isClosing) this.#pollOnce();
    this.#flush();
  }

  #postBody(body) {
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    this.#post = this.#request({ method: 'POST', body, headers });
    this.#post.done.then(
      () => {
        this.#post = undefined;
        if (body === CLOSE_PACKET) this.#end();
        else if (!this.#isOver) this.#continue();
      },
      (error) => this.#end(error),
    );
  }

  // A packet of the server, on either carrier.
  #take(packet) {
    if (this.#isOver) return;
    try {
      this.#read(packet);
    } catch (error) {
      this.#end(error);
    }
  }

  #read(packet) {
    if (typeof packet !== 'string') return this.#receive(packet);
    const data = packet.slice(1);
    switch (packet[0]) {
      case OPEN_PACKET:
        return this.#opened(data);
      case CLOSE_PACKET:
        return this.#end();
      case PING_PACKET:
        this.#wait();
        this.#outbox.push(PONG_PACKET);
        return this.#flush();
      case MESSAGE_PACKET:
        return this.#receive(data);
      case BYTES_PACKET:
        return this.#receive(fromBase64(data));
    }
  }

  #receive(message) {
    if (!this.#isClosing) tell(this.#link, 'received', message);
  }

  #opened(data) {
    if (this.id) return;
    this.#handshake = JSON.parse(data);
    this.id = this.#handshake.sid;
    this.#wait();
    if (!this.#isClosing) tell(this.#link, 'opened');
    const { upgrades = [] } = this.#handshake;
    const isWanted = this.#options.upgrade !== false && this.#names.includes('websocket');
    const isOffered = upgrades.includes('websocket') && socketClass(this.#link);
    if (isWanted && isOffered && !this.#isUpgraded && !this.#isClosing) this.#openSocket();
    this.#flush();
  }

  #openSocket() {
    const socket = openSocket(this.#link, this.#uriOf('websocket'));
    this.#socket = socket;
    const isProbing = () => !this.#isUpgraded;
    socket.onopen = () => isProbing() && socket.send(PING_PACKET + PROBE);
    socket.onmessage = ({ data }) => (isProbing() ? this.#probed(data) : this.#take(data));
    socket.onerror = (event) => !isProbing() && this.#end(socketError(event));
    socket.onclose = () => (isProbing() ? this.#giveUpProbe() : this.#end());
  }

  #probed(data) {
    if (data !== PONG_PACKET + PROBE) return this.#giveUpProbe();
    this.#isPausing = true;
    this.#takeOver();
  }

  // The session stays with polling.
  #giveUpProbe() {
    if (this.#isOver || !this.#socket) return;
    this.#dropSocket();
    this.#isPausing = false;
    this.#continue();
  }

  // The server answers the poll as soon as it has the probe.
  #takeOver() {
    if (this.#poll || this.#post) return;
    this.#isPausing = false;
    this.#isUpgraded = true;
    this.#socket.send(UPGRADE_PACKET);
    this.#flush();
  }

  // Sends what waits, and then the goodbye.
  #flush() {
    if (!this.id || this.#isOver || this.#isPausing) return;
    if (this.#isUpgraded) {
      for (const packet of this.#outbox.splice(0)) this.#socket.send(packet);
      if (this.#isClosing) this.#socket.close();
    } else if (!this.#post) {
      if (this.#outbox.length > 0) this.#postBody(this.#batch());
      else if (this.#isClosing) this.#postBody(CLOSE_PACKET);
    }
  }

  // As many of the packets that wait as the server takes at once, but at least one.
  #batch() {
    const { maxPayload = Infinity } = this.#handshake;
    const sizeOf = (packet) => textBytes(framed(packet)).length + SEPARATOR.length;
    let size = sizeOf(this.#outbox[0]) - SEPARATOR.length;
    let count = 1;
    for (; count < this.#outbox.length; count += 1) {
      size += sizeOf(this.#outbox[count]);
      if (size > maxPayload) break;
    }
    return this.#outbox.splice(0, count).map(framed).join(SEPARATOR);
  }

  // A server that sends no ping in time is gone; so is one that does not take a goodbye.
  #wait(ms = this.#handshake.pingInterval + this.#handshake.pingTimeout) {
    if (this.#isClosing) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), ms);
  }

  #dropSocket() {
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    // The `ws` of Node.js throws errors that nobody listens to.
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = () => {};
    socket.close();
  }

  #end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#poll?.abort();
    this.#post?.abort();
    this.#dropSocket();
    if (error && !this.#isClosing) tell(this.#link, 'failed', error);
    tell(this.#link, 'ended');
  }
}
