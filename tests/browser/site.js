// A web site. Below `/primus` it is a reverse proxy of the server under test, so that a page can
// also find that at its own origin.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');

const { afterwards } = require('../interop/afterwards');
const { listen } = require('../interop/ports');

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/**
 * A site that is closed with the test. Its `upstream` is what is behind the proxy.
 *
 * `contentOf` says what is at a path: `{ text }` or `{ file }`, `type` (a file extension) if the
 * path has none that says it, `headers` if there are more; or nothing if there is nothing.
 */
async function startSite(t, contentOf) {
  const site = { upstream: null };
  const server = http.createServer((request, response) => {
    if (isForUpstream(request)) return forward(site.upstream, request, response);
    answer(contentOf(request.url, site), path.extname(request.url), response);
  });
  server.on('upgrade', (request, socket, head) => tunnel(site.upstream, request, socket, head));
  afterwards(t, () => {
    server.close();
    server.closeAllConnections();
  });
  // By name, while servers are reached by number: a browser takes that for another site as well.
  site.url = `http://localhost:${await listen(server)}`;
  return site;
}

const isForUpstream = ({ url }) => /^\/primus\b/.test(url);

function answer(content, extension, response) {
  if (!content) return response.writeHead(404).end();
  const { text, file, type = extension, headers } = content;
  response.writeHead(200, { 'content-type': TYPES[type], ...headers });
  if (file) return fs.createReadStream(file).pipe(response);
  return response.end(text);
}

/** Passes a request on and its answer back as they come. Whoever leaves takes the other along. */
function forward(upstream, request, response) {
  const { method, url, headers } = request;
  const options = { host: '127.0.0.1', port: upstream.port, method, path: url, headers };
  const passed = http.request({ ...options, agent: false });
  passed.on('response', (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    response.flushHeaders();
    answer.on('error', () => response.destroy()).pipe(response);
  });
  passed.on('error', () => response.destroy());
  response.on('close', () => passed.destroy());
  request.pipe(passed);
}

function tunnel(upstream, request, socket, head) {
  const onward = net.connect(upstream.port, '127.0.0.1');
  for (const [from, to] of [[socket, onward], [onward, socket]]) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
  onward.write(headOf(request));
  onward.write(head);
  socket.pipe(onward).pipe(socket);
}

function headOf({ method, url, rawHeaders }) {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let n = 0; n < rawHeaders.length; n += 2) {
    lines.push(`${rawHeaders[n]}: ${rawHeaders[n + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

module.exports = { startSite };
