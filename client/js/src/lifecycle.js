// What a client does upon each event of its connection. All of it hangs on the events `incoming::*`
// and `outgoing::*`, as in npm primus: plugins and tests listen to them and emit them.
//
// An application may end or destroy the client in any of its listeners. So after each event that an
// application sees, what follows checks that it still applies.

export const OPENING = 1;
export const CLOSED = 2;
export const OPEN = 3;

export const followEvents = (primus, link) => {
  followRecovery(primus);
  primus.on('outgoing::open', () => {
    primus.disconnect = false;
    changeState(primus, OPENING, 'opening');
    primus.emit('outgoing::end');
    link.open();
  });
  primus.on('incoming::open', () => opened(primus));
  primus.on('incoming::ping', (time) => pinged(primus, time));
  primus.on('incoming::error', (error) => failed(primus, asError(error)));
  primus.on('incoming::data', (raw) => received(primus, raw));
  primus.on('incoming::end', () => {
    link.close();
    ended(primus);
  });
  primus.on('outgoing::data', (packet) => link.send(packet));
  primus.on('outgoing::reconnect', () => primus.emit('outgoing::open'));
  primus.on('outgoing::end', () => link.close());
};

export const changeState = (primus, state, name) => {
  const before = primus.readyState;
  primus.readyState = state;
  if (before !== state) primus.emit('readyStateChange', name);
};

// Ends a connection from which no ping has come in time.
const startHeartbeat = (primus) => {
  if (!primus.options.pingTimeout) return;
  const expire = () => {
    // The network events were faster.
    if (!primus.online) return;
    primus.online = false;
    primus.emit('offline');
    primus.emit('incoming::end');
  };
  primus.timers.setTimeout('heartbeat', expire, primus.options.pingTimeout);
};

// Gives a first connection its time. Any word of the connection stops the clock.
export const startConnectTimer = (primus) => {
  if (primus.timers.active('connect')) return;
  const events = ['error', 'open', 'end'];
  const stop = () => {
    for (const event of events) primus.removeListener(event, stop);
    primus.timers?.clear('connect');
  };
  const expire = () => {
    stop();
    if (primus.readyState === OPEN || primus.recovery.reconnecting()) return;
    primus.emit('timeout');
    reconnectOrEnd(primus);
  };
  primus.timers.setTimeout('connect', expire, primus.options.timeout);
  for (const event of events) primus.on(event, stop);
};

// Handles the messages of the protocol itself. All that begin as one are Primus's, known or not.
const handleProtocol = (primus, message) => {
  const found = typeof message === 'string' && /^primus::(?:([^:]*)::?(.*))?/s.exec(message);
  if (!found) return false;
  const [, kind, value] = found;
  if (kind === 'ping') primus.emit('incoming::ping', +value);
  else if (kind === 'id') primus.emit('incoming::id', value);
  else if (kind === 'server' && value === 'close') primus.disconnect = true;
  return true;
};

const followRecovery = (primus) => {
  for (const event of RECOVERY_EVENTS) {
    primus.recovery.on(event, (...args) => {
      if (event === 'reconnect') primus.emit('outgoing::reconnect');
      if (event === 'reconnect failed') primus.emit('end');
      primus.emit(event, ...args);
    });
  }
};

export const RECOVERY_EVENTS = [
  'reconnect scheduled',
  'reconnect',
  'reconnect timeout',
  'reconnected',
  'reconnect failed',
];

const opened = (primus) => {
  const before = primus.readyState;
  if (primus.recovery.reconnecting()) primus.recovery.reconnected();
  if (primus.readyState !== before) return;
  primus.writable = primus.readable = true;
  if (!primus.online) {
    primus.online = true;
    primus.emit('online');
    if (primus.readyState !== before) return;
  }
  changeState(primus, OPEN, 'open');
  if (primus.readyState !== OPEN) return;
  startHeartbeat(primus);
  for (const data of primus.buffer.splice(0)) primus._write(data);
  primus.emit('open');
};

const pinged = (primus, time) => {
  primus.online = true;
  startHeartbeat(primus);
  primus.emit('outgoing::pong', time);
  primus._write(`primus::pong::${time}`);
};

const failed = (primus, error) => {
  const connecting = primus.timers.active('connect');
  if (primus.recovery.reconnecting()) return primus.recovery.reconnected(error);
  primus.emit('error', error);
  if (connecting) reconnectOrEnd(primus);
};

// A transport's own description of an error becomes an error with all that it says.
const asError = (error) => {
  if (error instanceof Error) return error;
  if (typeof error !== 'object' || !error) return new Error(error);
  return Object.assign(new Error(error.message || error.reason), error);
};

const received = (primus, raw) => {
  primus.decoder(raw, (error, data) => {
    if (error) primus.emit('error', error);
    else if (!handleProtocol(primus, data)) {
      primus.transforms(primus, primus, 'incoming', data, raw);
    }
  });
};

const ended = (primus) => {
  // The server said that it would close: that is no accident.
  if (primus.disconnect) {
    primus.disconnect = false;
    return primus.end();
  }
  const before = primus.readyState;
  changeState(primus, CLOSED, 'end');
  if (primus.timers?.active('connect')) primus.end();
  if (before !== OPEN) return primus.recovery?.reconnecting() && primus.recovery.reconnect();
  primus.writable = primus.readable = false;
  primus.timers?.clear();
  primus.emit('close');
  if (primus.options?.strategy.includes('disconnect')) return primus.recovery.reconnect();
  primus.emit('outgoing::end');
  primus.emit('end');
};

const reconnectOrEnd = (primus) => {
  if (primus.options?.strategy.includes('timeout')) primus.recovery.reconnect();
  else primus.end();
};
