// The link between a client and its transport: at most one connection at a time. The client hears
// of a connection only until it is closed or has ended, whatever the transport says afterwards.
export const makeLink = (primus, transport) => {
  let current = null;

  // What the transport sees (see `transports/websocket.js`).
  const sideOf = (attempt) => {
    const tell = (event) => (value) => {
      if (current !== attempt) attempt.connection.close();
      else primus.emit(event, value);
    };
    return {
      uri: (options) => primus.uri(options),
      requires: primus.constructor.requires,
      options: {
        ...primus.options,
        transport: primus.transport,
        websockets: !primus.AVOID_WEBSOCKETS,
      },
      opened: tell('incoming::open'),
      received: tell('incoming::data'),
      failed: tell('incoming::error'),
      ended: tell('incoming::end'),
    };
  };

  // To try again would be in vain.
  const giveUp = (error) => {
    try {
      primus.critical(error);
    } finally {
      primus.end();
    }
  };

  return {
    open() {
      const attempt = (current = {});
      try {
        attempt.connection = transport(sideOf(attempt));
      } catch (error) {
        if (error.isCritical) giveUp(error);
        else if (current === attempt) primus.emit('incoming::error', error);
        return;
      }
      // The transport may have failed, and the client may have closed, before there was a
      // connection.
      if (current !== attempt) attempt.connection.close();
      else primus.socket = attempt.connection.socket ?? attempt.connection;
    },

    send(packet) {
      try {
        current?.connection?.send(packet);
      } catch (error) {
        primus.emit('incoming::error', error);
      }
    },

    close() {
      const connection = current?.connection;
      current = null;
      connection?.close();
    },
  };
};
