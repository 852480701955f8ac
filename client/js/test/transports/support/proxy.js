// Stands between a client and a server, remembers what was asked, and interferes.

import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { listen } from '../../../../../tests/interop/ports.js';
import { atEnd } from './cleanup.js';

// `interfere(seen)` is asked about every request and may say:
// - 'refuse': it is answered with status 503, an upgrade with nothing;
// - 'ignore': it is never answered;
// - 'lose': the server gets it, and the client no answer;
// - 'buffer': the client gets the answer when it is complete;
// - a number: it reaches the server so many milliseconds later.
// The requests it has seen are in `requests`, with `method`, `path`, `query`, `headers`, `body` and
// `isOver`, which says whether it was answered.
export const startProxy = async (t, port, interfere = () => {}) => {
  const requests = [];
  const sockets = new Set();
  const see = ({ method, url, headers }, body) => {
    const { pathname, searchParams } = new URL(url, 'http://proxy');
    const query = Object.fromEntries(searchParams);
    const seen = { method, path: pathname, query, headers, body, isOver: false };
    requests.push(seen);
    return seen;
  };
  const server = createServer(async (incoming, outgoing) => {
    const pieces = [];
    for await (const piece of incoming) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const seen = see(incoming, body.toString());
    outgoing.on('finish', () => {
      seen.isOver = true;
    });
    const order = interfere(seen);
    if (order === 'refuse') return outgoing.writeHead(503).end('refused');
    if (order === 'ignore') return;
    if (typeof order === 'number') await new Promise((resolve) => setTimeout(resolve, order));
    forward(port, incoming, body, outgoing, order);
  });
  server.on('upgrade', (incoming, socket, head) => {
    const order = interfere(see(incoming, ''));
    if (order === 'refuse') return socket.destroy();
    if (order === 'ignore') return;
    setTimeout(() => tunnel(port, incoming, socket, head), order ?? 0);
  });
  server.on('connection', (socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
  });
  atEnd(t, () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: await listen(server), requests };
};

const forward = (port, { method, url, headers }, body, outgoing, order) => {
  const onward = request({ host: '127.0.0.1', port, method, path: url, headers, agent: false });
  outgoing.on('close', () => onward.destroy());
  onward.on('error', () => outgoing.destroy());
  onward.on('response', async (answer) => {
    answer.on('error', () => outgoing.destroy());
    if (order === 'lose') return answer.resume().on('end', () => outgoing.destroy());
    outgoing.writeHead(answer.statusCode, answer.headers);
    if (order !== 'buffer') {
      outgoing.flushHeaders();
      return answer.pipe(outgoing);
    }
    const pieces = [];
    answer.on('data', (piece) => pieces.push(piece));
    answer.on('end', () => outgoing.end(Buffer.concat(pieces)));
  });
  onward.end(body);
};

const tunnel = (port, { method, url, rawHeaders }, socket, head) => {
  const onward = connect(port, '127.0.0.1', () => {
    onward.write(`${method} ${url} HTTP/1.1\r\n`);
    for (let index = 0; index < rawHeaders.length; index += 2) {
      onward.write(`${rawHeaders[index]}: ${rawHeaders[index + 1]}\r\n`);
    }
    onward.write('\r\n');
    onward.write(head);
    onward.pipe(socket).pipe(onward);
  });
  for (const [end, other] of [[onward, socket], [socket, onward]]) {
    end.on('error', () => {}).on('close', () => other.destroy());
  }
};
