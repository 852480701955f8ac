// A client upon a transport that does what a test says, and a record of its events.

import { Primus } from '../../src/primus.js';

// Each connection that is opened is put into `connections`, with what was sent on it.
export const fakeTransport = () => {
  const connections = [];
  const transport = (link) => {
    const connection = {
      link,
      uri: link.uri({ protocol: 'ws:', query: true }),
      sent: [],
      closed: false,
      send: (packet) => connection.sent.push(packet),
      close: () => (connection.closed = true),
    };
    connections.push(connection);
    return connection;
  };
  return { connections, transport };
};

export const EVENTS = Object.keys(Primus.prototype.reserved.events);

export const INTERNAL_EVENTS = [
  ...['open', 'end', 'data', 'error', 'ping', 'id'].map((name) => `incoming::${name}`),
  ...['open', 'end', 'data', 'reconnect', 'pong', 'url'].map((name) => `outgoing::${name}`),
];

// A client with its connections and the names of its events in `log`. Text that comes with an event
// is part of its line.
export const fakeClient = (options = {}, events = EVENTS) => {
  const { connections, transport } = fakeTransport();
  const primus = new Primus('http://example.com', {
    transformer: transport,
    manual: true,
    ...options,
  });
  const log = [];
  for (const event of events) {
    primus.on(event, (value) => {
      const about = value instanceof Error ? value.message : value;
      log.push(typeof about === 'string' ? `${event} ${about}` : event);
    });
  }
  return {
    primus,
    connections,
    log,
    // What was logged since the last time.
    news: () => log.splice(0),
    last: () => connections.at(-1),
    link: () => connections.at(-1).link,
  };
};

export const openClient = (options, events) => {
  const client = fakeClient(options, events);
  client.primus.open();
  client.link().opened();
  client.news();
  return client;
};
