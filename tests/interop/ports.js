// Ports of servers, which every client reaches.
'use strict';

const dgram = require('node:dgram');
const { once } = require('node:events');
const net = require('node:net');

/**
 * Those to which browsers and `fetch` do not connect, without the ones that need privileges
 * (https://fetch.spec.whatwg.org/#port-blocking). Where `ip_local_port_range` begins low, the
 * system gives them to whoever leaves the choice to it.
 */
const REFUSED = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669,
  6679, 6697, 10080,
]);

const isRefused = (port) => REFUSED.has(port);

/**
 * A port outside the range from which the system takes the ports of outgoing connections. As long
 * as this process lives, nobody else who asks for one gets it: the port of the same number that UDP
 * has is taken as a sign of that, and given back by the system.
 */
async function freePort() {
  for (;;) {
    const at = { port: 10_000 + Math.floor(Math.random() * 20_000), host: '127.0.0.1' };
    if (isRefused(at.port)) continue;
    const sign = dgram.createSocket('udp4');
    const alone = { port: at.port, address: at.host, exclusive: true };
    const probe = net.createServer();
    const isFree = await succeeds(sign, 'listening', () => sign.bind(alone))
      && await succeeds(probe, 'listening', () => probe.listen(at));
    if (isFree) {
      sign.unref();
      await new Promise((resolve) => probe.close(resolve));
      return at.port;
    }
    sign.close();
  }
}

/** Resolves with whether what is begun succeeds with this event, and not with an error. */
function succeeds(emitter, event, begin) {
  return new Promise((resolve) => {
    emitter.once('error', () => resolve(false)).once(event, () => resolve(true));
    begin();
  });
}

/** Has a server of this process listen, and resolves with its port. */
async function listen(server) {
  const port = await freePort();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return port;
}

module.exports = { freePort, isRefused, listen };
