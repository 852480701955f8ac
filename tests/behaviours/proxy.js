// What stands between a client and its server, and can do to them what networks do.
'use strict';

const { once } = require('node:events');
const net = require('node:net');

const { within } = require('../interop/server');

// What is there when a client of engine.io has moved from polling to a WebSocket: after the request
// the frames with which it tries the WebSocket and with which it says that it moves.
const WEBSOCKET_REQUEST = /^GET [^ ]*[?&]transport=websocket/;
const UPGRADED_CHUNKS = 3;
const UPGRADE_MS_MAX = 40_000;

/**
 * A TCP proxy on a port of its own, which it keeps when it refuses connections.
 *
 * `refuse` and `accept` close and open the port, `cut` resets what is connected, `stall` keeps all
 * connections, and those to come, but lets no byte through, and `resume` ends that.
 */
class Proxy {
  #target;
  #listener = null;
  #pairs = new Set();
  #stalled = false;
  #upgraded = withResolvers();

  /** A proxy that accepts connections for the server at `target`, a port. */
  static async start(target) {
    const proxy = new Proxy(target);
    for (;;) {
      proxy.port = nextPort();
      try {
        await proxy.accept();
        return proxy;
      } catch (error) {
        if (error.code !== 'EADDRINUSE') throw error;
      }
    }
  }

  constructor(target) {
    this.#target = target;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many connections there are. */
  get connections() {
    return this.#pairs.size;
  }

  async accept() {
    const listener = net.createServer((near) => this.#connect(near));
    listener.listen(this.port, '127.0.0.1');
    await once(listener, 'listening');
    this.#listener = listener;
  }

  refuse() {
    this.#listener?.close();
    this.#listener = null;
  }

  cut() {
    for (const sockets of this.#pairs) {
      for (const socket of sockets) {
        if (socket.connecting) socket.destroy();
        else socket.resetAndDestroy();
      }
    }
    this.#pairs.clear();
  }

  /** The connections stay as they are: whoever waits for an answer waits for ever. */
  stall() {
    this.#stalled = true;
    for (const [near, far] of this.#pairs) {
      near.unpipe();
      far?.unpipe();
      near.pause();
      far?.pause();
    }
  }

  /** What was connected meanwhile is gone for good. */
  resume() {
    this.cut();
    this.#stalled = false;
  }

  /** Resolves once a client of engine.io has come, and moved to a WebSocket. */
  upgraded() {
    return within(UPGRADE_MS_MAX, this.#upgraded.promise, () => 'no upgrade');
  }

  close() {
    this.refuse();
    this.cut();
  }

  #connect(near) {
    const sockets = this.#stalled ? [near] : [near, net.connect(this.#target, '127.0.0.1')];
    this.#pairs.add(sockets);
    for (const socket of sockets) {
      socket.setNoDelay(true);
      // The `close` that follows says all that matters.
      socket.on('error', () => {});
      socket.on('close', () => this.#closed(sockets));
    }
    const far = sockets[1];
    if (far === undefined) return;
    near.pipe(far);
    far.pipe(near);
    this.#watch(near);
  }

  #watch(near) {
    near.once('data', (head) => {
      if (!WEBSOCKET_REQUEST.test(head.toString('latin1'))) return;
      let chunks = 1;
      near.on('data', () => {
        chunks += 1;
        if (chunks === UPGRADED_CHUNKS) this.#upgraded.resolve();
      });
    });
  }

  /** A stalled connection does not tell one side that the other one is gone. */
  #closed(sockets) {
    if (this.#stalled || !this.#pairs.delete(sockets)) return;
    for (const socket of sockets) socket.destroy();
  }
}

// Below the ports that the system gives to outgoing connections, so that none of those can take
// a port while it is refused; a range for each process, so that no other test takes it either.
const [PORT_MIN, PORTS_PER_PROCESS, RANGES] = [10_000, 500, 40];
let portsUsed = 0;

function nextPort() {
  const range = PORT_MIN + (process.pid % RANGES) * PORTS_PER_PROCESS;
  portsUsed += 1;
  return range + (portsUsed % PORTS_PER_PROCESS);
}

function withResolvers() {
  const result = {};
  result.promise = new Promise((resolve) => { result.resolve = resolve; });
  return result;
}

module.exports = { Proxy };
