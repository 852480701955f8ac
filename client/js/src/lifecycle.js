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
  primus.heartbeat();
  for (const data of primus.buffer.splice(0)) primus._write(data);
  primus.emit('open');
};

const pinged = (primus, time) => {
  primus.online = true;
  primus.heartbeat();
  primus.emit('outgoing::pong', time);
  primus._write(`primus::pong::${time}`);
};

const failed = (primus, error) => {
  const connecting = primus.timers.active('connect');
  if (primus.recovery.reconnecting()) return primus.recovery.reconnected(error);
  primus.emit('error', error);
  if (!connecting || primus.readyState !== OPENING) return;
  primus.timers?.clear('connect');
  reconnectOrEnd(primus);
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
    else if (!primus.protocol(data)) {
      primus.transforms(primus, primus, 'incoming', data, raw);
    }
  });
};

const ended = (primus) => {
  // The server said that it would close: that is no accident.
  if (primus.disconnect) return primus.end();
  const before = primus.readyState;
  changeState(primus, CLOSED, 'end');
  if (primus.timers?.active('connect')) primus.end(undefined, true);
  if (before !== OPEN) return primus.recovery?.reconnecting() && primus.recovery.reconnect();
  primus.writable = primus.readable = false;
  primus.timers?.clear();
  primus.emit('close');
  if (primus.options?.strategy.includes('disconnect')) return primus.recovery.reconnect();
  primus.emit('outgoing::end');
  primus.emit('end');
};

export const reconnectOrEnd = (primus) => {
  if (primus.options?.strategy.includes('timeout')) primus.recovery.reconnect();
  else primus.end(undefined, true);
};
