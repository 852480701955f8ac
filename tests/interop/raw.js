// HTTP and TCP without a client library that would put things right.
'use strict';

const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const tls = require('node:tls');

const { within } = require('./server');

const ANSWER_MS_MAX = 30_000;

/** A connection whose bytes are collected in `raw.bytes`, as Latin-1. */
async function rawConnection(server) {
  const to = { port: server.port, host: '127.0.0.1', rejectUnauthorized: false };
  const connection = server.tls ? tls.connect(to) : net.connect(to);
  const raw = connection.setNoDelay().setEncoding('latin1');
  server.beforeStop(() => raw.destroy());
  // One that is cut off ends, which is seen in its bytes.
  raw.on('error', () => {});
  raw.bytes = '';
  raw.on('data', (bytes) => {
    raw.bytes += bytes;
    raw.emit('more');
  });
  const event = server.tls ? 'secureConnect' : 'connect';
  await within(ANSWER_MS_MAX, once(raw, event), () => 'connected');
  return raw;
}

/** Sends a POST whose body comes in parts, once the server has asked for it. */
async function postSlowly(raw, path, framing, body) {
  const lines = [`POST ${path} HTTP/1.1`, 'Host: a', 'Expect: 100-continue', framing];
  raw.write(`${lines.join('\r\n')}\r\n\r\n`);
  await received(raw, /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  for (let at = 0; at < body.length; at += 20_000) {
    raw.write(body.slice(at, at + 20_000));
    await new Promise(setImmediate);
  }
}

/** Resolves once everything that was received matches, with the match. */
async function received(raw, pattern) {
  const complete = async () => {
    while (!pattern.test(raw.bytes)) await once(raw, 'more');
    return pattern.exec(raw.bytes);
  };
  return within(ANSWER_MS_MAX, complete(), () => `${pattern} in ${JSON.stringify(raw.bytes)}`);
}

/** One request on a connection of its own: `{ status, headers, body }`, the body as text. */
async function request(server, method, path, options) {
  const answer = await begin(server, method, path, options);
  await within(ANSWER_MS_MAX, answer.ended, () => `the end of ${method} ${path}: ${answer.body}`);
  return answer;
}

/**
 * The same as soon as the answer begins, read in an `encoding`. `body` grows, `until(pattern)`
 * waits for it, `ended` resolves with its end, and `destroy()` cuts the connection.
 */
async function begin(server, method, path, { headers, body, encoding = 'utf8' } = {}) {
  const sent = http.request(server.url + path, { method, headers, agent: false });
  server.beforeStop(() => sent.destroy());
  sent.end(body);
  const head = within(ANSWER_MS_MAX, once(sent, 'response'), () => `${method} ${path} answered`);
  return new Answer(sent, (await head)[0], encoding);
}

class Answer {
  body = '';
  #stream;

  constructor(sent, response, encoding) {
    this.status = response.statusCode;
    this.headers = response.headers;
    this.destroy = () => sent.destroy();
    this.#stream = response.setEncoding(encoding).on('data', (text) => {
      this.body += text;
      response.emit('more');
    });
    // Whether it ends or breaks is seen in its body.
    response.on('error', () => {});
    this.ended = new Promise((resolve) => response.once('close', resolve));
  }

  async until(pattern) {
    const complete = async () => {
      while (!pattern.test(this.body)) await once(this.#stream, 'more');
      return pattern.exec(this.body);
    };
    return within(ANSWER_MS_MAX, complete(), () => `${pattern} in ${JSON.stringify(this.body)}`);
  }
}

module.exports = { begin, postSlowly, rawConnection, received, request };
