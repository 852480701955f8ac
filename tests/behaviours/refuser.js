// A server that lets nobody in, as one with an authorization handler may.
'use strict';

const http = require('node:http');

const { listen } = require('../interop/ports');

const BODY = '{"error":"Unauthorized"}';
const HEADERS = { 'Content-Type': 'application/json', 'Content-Length': BODY.length };

/** Starts it; `url` is where it is. */
async function startRefuser() {
  const server = http.createServer((request, response) => {
    response.writeHead(401, { ...HEADERS, Connection: 'close' }).end(BODY);
  });
  server.on('upgrade', (request, socket) => {
    const headers = Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.on('error', () => {});
    socket.end(`HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n${headers.join('')}\r\n${BODY}`);
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

module.exports = { startRefuser };
